/** Service clients and API keys as their users have them: made by the API, used over HTTP. */
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Client } from './client.ts';
import type { World } from './world.ts';

export const clientMutation = `mutation ($input: CreateServiceClientInput!) { createServiceClient(input: $input) { __typename
  ... on Problem { code message } ... on InvalidInput { field }
  ... on ServiceClientCreated { clientSecret client { id name permissions createdAt lastUsedAt disabledAt } } } }`;
export const rotateMutation = `mutation ($id: ID!) { rotateServiceClientSecret(input: { clientId: $id }) { __typename
  ... on Problem { code } ... on ServiceClientCreated { clientSecret client { id } } } }`;
export const deleteMutation = 'mutation ($id: ID!) { deleteServiceClient(input: { clientId: $id }) { __typename ... on Deleted { id } } }';
export const keyMutation = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { __typename ... on Problem { code message }
  ... on InvalidInput { field } ... on QuotaExceeded { limit }
  ... on ApiKeyCreated { key apiKey { id name prefix permissions expiresAt lastUsedAt } } } }`;

export type Service = { id: string; secret: string };
export const serviceOf = async (admin: Client, permissions: string[], jwks?: object): Promise<Service> => {
  const { data, errors } = await admin.ask(clientMutation, { input: { name: 'Orders', permissions, ...(jwks && { jwks }) } });
  const made = data?.createServiceClient;
  if (made?.__typename !== 'ServiceClientCreated') throw new Error(JSON.stringify(errors ?? made));
  return { id: made.client.id, secret: made.clientSecret };
};

export type OAuthAnswer = { status: number; headers: Headers; body: Record<string, never> & Record<string, unknown> };
/** POSTs a form to one of the endpoints of OAuth 2.0. */
export const post = async (
  world: Pick<World, 'url'>,
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<OAuthAnswer> => {
  const body = new URLSearchParams(form).toString();
  const type = 'application/x-www-form-urlencoded';
  const response = await fetch(`${world.url}/oauth/${path}`, { method: 'POST', headers: { 'content-type': type, ...headers }, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} };
};

export const basic = (id: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
});
export const grant = { grant_type: 'client_credentials' };
export const tokenOf = async (world: Pick<World, 'url'>, service: Service, more: Record<string, string> = {}): Promise<string> => {
  const { status, body } = await post(world, 'token', { ...grant, ...more }, basic(service.id, service.secret));
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body['access_token'] as unknown as string;
};

export type SigningPair = { privateKey: KeyObject; jwks: { keys: object[] } };
export const signingPair = (): SigningPair => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] } };
};
/** The parameters of private_key_jwt; `claims` replace those of a good assertion, and undefined leaves one out. */
export const assertionOf = async (
  world: Pick<World, 'clock'>,
  id: string,
  key: KeyObject,
  claims: Record<string, unknown> = {},
  header: object = {},
): Promise<Record<string, string>> => {
  const now = Math.floor(world.clock.now().getTime() / 1000);
  const payload = { iss: id, sub: id, aud: 'https://id.example.com/oauth/token', iat: now, exp: now + 60, jti: randomUUID(), ...claims };
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', ...header }).sign(key),
  };
};

/** How many facts of the type there are. */
export const factsOf = async (world: Pick<World, 'sql'>, type: string): Promise<number> =>
  Number((await world.sql<{ n: string }>('SELECT count(*) AS n FROM audit_events WHERE type LIKE $1', [type]))[0]?.n);

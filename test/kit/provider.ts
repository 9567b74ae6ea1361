/**
 * A provider of OpenID Connect on loopback: discovery, keys, the code flow with PKCE, userinfo. It knows people, spends codes, checks what a client
 * has to send, and can be told to lie in any part of its answer.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Seen, type Server, serve } from './kite.ts';

export type ProviderPerson = { sub: string; email?: string | undefined; email_verified?: unknown; [claim: string]: unknown };
/** What is false about the next answers. */
export type Lie = {
  claims?: Record<string, unknown>;
  signedBy?: 'nobody' | 'a stranger' | 'the secret';
  userinfo?: Record<string, unknown>;
  /** Further members of the token endpoint's answer; undefined takes one away. */
  answer?: Record<string, unknown>;
};
export type LocalProvider = Server & {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the metadata say otherwise, from the next discovery on. */
  metadata: Record<string, unknown>;
  lie: Lie | null;
  /** Every code, token and verifier that was seen or made. */
  readonly secrets: Record<string, string>;
  person(given?: Partial<ProviderPerson>): ProviderPerson;
  /** The browser at the provider's page: what it comes back with. Throws where the client asked in another form than the protocol's. */
  authorize(authorizationUrl: string, person: ProviderPerson): { code: string; state: string; iss: string };
  /** Whom the page knows that a browser is sent to; null: he declines. */
  atThePage: ProviderPerson | null;
  /** New keys; the old ones are gone. */
  rotate(): Promise<void>;
};

type Begun = { person: ProviderPerson; nonce: string; challenge: string; redirectUri: string };
const json = (response: ServerResponse, status: number, body: object): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const fresh = (): string => randomBytes(24).toString('base64url');
const textOf = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
let count = 0;

export const openProvider = async (): Promise<LocalProvider> => {
  const [clientId, clientSecret] = ['latchkey-at-provider', fresh()];
  const codes = new Map<string, Begun>();
  const tokens = new Map<string, ProviderPerson>();
  const secrets: Record<string, string> = { clientSecret };
  const keep = (name: string, secret: string): string => {
    secrets[`${name} ${Object.keys(secrets).length}`] = secret;
    return secret;
  };
  const newKey = async () => ({ ...(await generateKeyPair('RS256')), kid: fresh() });
  let key = await newKey();
  const stranger = await newKey();

  const idToken = async ({ person, nonce }: Begun): Promise<string> => {
    const { email, email_verified, ...rest } = person;
    const now = Math.floor(Date.now() / 1000);
    const told = provider.metadata['userinfo_endpoint'] ? {} : { email, email_verified };
    const claims = { iss: provider.issuer, aud: clientId, exp: now + 300, iat: now, nonce, ...rest, ...told, ...provider.lie?.claims };
    const by = provider.lie?.signedBy;
    if (by === 'nobody') return `${textOf({ alg: 'none' })}.${textOf(claims)}.`;
    const jwt = new SignJWT(JSON.parse(JSON.stringify(claims)));
    if (by === 'the secret') return jwt.setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(clientSecret));
    return jwt.setProtectedHeader({ alg: 'RS256', kid: key.kid }).sign((by === 'a stranger' ? stranger : key).privateKey);
  };

  const exchange = async ({ form, headers }: Seen, response: ServerResponse): Promise<void> => {
    const [id, secret] = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':');
    if (id !== clientId || secret !== clientSecret) return json(response, 401, { error: 'invalid_client' });
    const begun = codes.get(form['code'] ?? '');
    codes.delete(form['code'] ?? '');
    const verifier = keep('verifier', form['code_verifier'] ?? '');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const isRight =
      begun?.challenge === challenge && begun.redirectUri === form['redirect_uri'] && form['grant_type'] === 'authorization_code';
    if (!begun || !isRight) return json(response, 400, { error: 'invalid_grant', error_description: 'never quoted' });
    const accessToken = keep('access', fresh());
    tokens.set(accessToken, begun.person);
    const token = keep('id token', await idToken(begun));
    const body = {
      access_token: accessToken,
      refresh_token: keep('refresh', fresh()),
      token_type: 'Bearer',
      expires_in: 300,
      id_token: token,
    };
    json(response, 200, { ...body, ...provider.lie?.answer });
  };

  const handle = async (seen: Seen, response: ServerResponse): Promise<void> => {
    if (seen.path === '/.well-known/openid-configuration')
      return json(response, 200, {
        issuer: provider.issuer,
        authorization_endpoint: `${provider.url}/authorize`,
        token_endpoint: `${provider.url}/token`,
        jwks_uri: `${provider.url}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        code_challenge_methods_supported: ['S256'],
        ...provider.metadata,
      });
    if (seen.path === '/keys') {
      const jwk = await exportJWK(key.publicKey);
      return json(response, 200, { keys: [{ ...jwk, kid: key.kid, alg: 'RS256', use: 'sig' }] });
    }
    if (seen.path.startsWith('/authorize?')) {
      const url = new URL(seen.path, provider.url);
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      const { state, iss, code } = provider.authorize(url.href, provider.atThePage ?? provider.person());
      const told = provider.atThePage ? { code, state, iss } : { error: 'access_denied', state, iss };
      for (const [name, value] of Object.entries(told)) back.searchParams.set(name, value);
      return void response.writeHead(302, { location: back.href }).end();
    }
    if (seen.path === '/token' && seen.method === 'POST') return exchange(seen, response);
    const person = tokens.get(seen.headers.authorization?.slice(7) ?? '');
    if (seen.path === '/userinfo' && person) return json(response, 200, { ...person, ...provider.lie?.userinfo });
    json(response, 404, {});
  };

  const server = await serve((seen, response) => void handle(seen, response));
  const provider: LocalProvider = {
    ...server,
    issuer: server.url,
    clientId,
    clientSecret,
    metadata: {},
    lie: null,
    atThePage: null,
    secrets,
    person: (given = {}) => {
      count += 1;
      return { sub: `subject-${count}`, email: `someone${count}.${process.pid}@example.org`, email_verified: true, ...given };
    },
    authorize: (authorizationUrl, person) => {
      const url = new URL(authorizationUrl);
      const asked = Object.fromEntries(url.searchParams);
      const wanted = { client_id: clientId, response_type: 'code', code_challenge_method: 'S256' };
      for (const [name, value] of Object.entries(wanted)) if (asked[name] !== value) throw new Error(`${name} is ${asked[name]}`);
      const { nonce, state, code_challenge: challenge, redirect_uri: redirectUri, scope } = asked;
      if (!nonce || !state || !challenge || !redirectUri || !scope?.split(' ').includes('openid'))
        throw new Error(`asked in another form: ${url}`);
      const code = keep('code', fresh());
      keep('nonce', nonce);
      codes.set(code, { person, nonce, challenge, redirectUri });
      return { code, state: keep('state', state), iss: provider.issuer };
    },
    rotate: async () => {
      key = await newKey();
    },
  };
  return provider;
};

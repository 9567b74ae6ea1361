/** The site of a relying party: one page on http://localhost, which a browser trusts as it does https, and what it does with passkeys. */
import { createServer } from 'node:http';
import type { Page } from 'puppeteer-core';
import type { Client } from '../kit/client.ts';
import { ask, challengeMutation, confirmMutation, mfaLoginMutation, problem, setupMutation, verifyMutation } from '../kit/mfa.ts';
import type { World } from '../kit/world.ts';

export const optionsMutation = 'mutation ($input: PasskeyOptionsInput) { passkeyOptions(input: $input) { challengeToken options } }';
export const passkeyMutation = `mutation ($input: PasskeyLoginInput!) { loginWithPasskey(input: $input) { __typename ${problem}
  ... on MfaRequired { methods } ... on SignedIn { accessToken refreshToken user { id email } session { id amr current } } } }`;
const refreshMutation = `mutation ($input: RefreshInput) { refresh(input: $input) { __typename ${problem}
  ... on SignedIn { refreshToken session { id amr } } } }`;
const mutations = { login: mfaLoginMutation, setup: setupMutation, confirm: confirmMutation, challenge: challengeMutation };
const all = { ...mutations, verify: verifyMutation, options: optionsMutation, passkey: passkeyMutation, refresh: refreshMutation };

/** As an SPA would be written: the API's address comes with the page's own. */
const script = `'use strict';
const mutations = ${JSON.stringify(all)};
const api = new URLSearchParams(location.search).get('api');
const says = document.querySelector('output');
const credentials = {
  create: async (options) => (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })).toJSON(),
  get: async (options) => (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })).toJSON(),
};
let token = null;
const ask = async (name, input) => {
  const headers = { 'content-type': 'application/json', 'x-latchkey-csrf': '1', ...(token && { authorization: 'Bearer ' + token }) };
  const body = JSON.stringify({ query: mutations[name], variables: { input } });
  const { data, errors } = await (await fetch(api + '/graphql', { method: 'POST', credentials: 'include', headers, body })).json();
  if (!data) throw new Error(errors[0].message);
  const result = Object.values(data)[0];
  if (result.accessToken) token = result.accessToken;
  return result;
};
const steps = {
  login: async () => {
    const [email, password] = [...document.querySelectorAll('input')].map((field) => field.value);
    const first = await ask('login', { email, password, delivery: 'COOKIE' });
    if (first.__typename !== 'MfaRequired') return first;
    const { challengeToken, methods } = first;
    const { webauthnOptions } = await ask('challenge', { challengeToken, type: 'WEBAUTHN' });
    return { methods, ...await ask('verify', { challengeToken, type: 'WEBAUTHN', webauthn: await credentials.get(webauthnOptions) }) };
  },
  add: async () => {
    const { method, webauthnOptions } = await ask('setup', { type: 'WEBAUTHN', label: 'This laptop' });
    return ask('confirm', { methodId: method.id, webauthn: await credentials.create(webauthnOptions) });
  },
  passkey: async () => {
    const { challengeToken, options } = await ask('options', {});
    return ask('passkey', { challengeToken, credential: await credentials.get(options), delivery: 'COOKIE' });
  },
  refresh: () => ask('refresh', null),
};
for (const button of document.querySelectorAll('button'))
  button.onclick = () => {
    says.textContent = '';
    steps[button.id]().then((result) => { says.textContent = JSON.stringify(result); }, (error) => { says.textContent = String(error); });
  };`;
const html = `<!doctype html><html lang="en"><title>A site</title><input type="email"><input type="password">
<button id="login">Sign in</button><button id="add">Add a passkey</button><button id="passkey">Sign in with a passkey</button>
<button id="refresh">Stay signed in</button><output></output><script>${script}</script></html>`;

export type Site = { readonly origin: string; close(): Promise<void> };
/** `http://localhost:<a free port>`: each is an origin of its own, and all are of the relying party `localhost`. */
export const openSite = async (): Promise<Site> => {
  const server = createServer((_req, res) => res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html));
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as { port: number };
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections());
  return { origin: `http://localhost:${port}`, close };
};

export type Options = Record<string, unknown> & { challenge: string };
/** AuthenticationResponseJSON or RegistrationResponseJSON, as far as a test looks into it. */
export type Answer = { id: string; rawId: string; response: Record<string, string> };
const run = (page: Page, step: 'create' | 'get', options: object) =>
  page.evaluate(`credentials.${step}(${JSON.stringify(options)})`) as Promise<Answer>;
/** The page's answer to what the API wants signed; the calls themselves are the test's. */
export const createIn = (page: Page, options: object): Promise<Answer> => run(page, 'create', options);
export const getIn = (page: Page, options: object): Promise<Answer> => run(page, 'get', options);

export type Registered = { methodId: string; credentialId: string; answer: Answer; backupCodes: string[] };
/** Registers the page's authenticator for whoever the client is. */
export const registerIn = async (page: Page, client: Client): Promise<Registered> => {
  const setup = await ask(client, setupMutation, { type: 'WEBAUTHN' });
  const { id: methodId } = setup['method']! as { id: string };
  const answer = await createIn(page, setup['webauthnOptions']!);
  const enabled = await ask(client, confirmMutation, { methodId, webauthn: answer });
  if (enabled.__typename !== 'MfaEnabled') throw new Error(JSON.stringify(enabled));
  return { methodId, credentialId: answer.id, answer, backupCodes: enabled['backupCodes']! };
};

/** A sign-in by password that waits for the key: its challenge token, and what has to be signed. */
export const dueFor = async (world: World, email: string, password: string): Promise<{ challengeToken: string; options: Options }> => {
  const due = await ask(world.anonymous, mfaLoginMutation, { email, password });
  const challengeToken: string = due['challengeToken']!;
  const asked = await ask(world.anonymous, challengeMutation, { challengeToken, type: 'WEBAUTHN' });
  return { challengeToken, options: asked['webauthnOptions']! };
};
/** What a sign-in by passkey wants signed. */
export const passkeyOptionsOf = async (client: Client, input?: object): Promise<{ challengeToken: string; options: Options }> =>
  (await client.ask(optionsMutation, { input })).data.passkeyOptions;

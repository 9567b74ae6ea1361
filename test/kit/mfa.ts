/** Second factors as a client has them: an authenticator app, the API's calls, a user who has set one up. */
import { createHmac } from 'node:crypto';
import type { SignedInPerson, World } from './world.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** RFC 4648 §6, without padding. */
const bytesOf = (base32: string): Buffer => {
  let bits = '';
  for (const letter of base32.replace(/=+$/, '')) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
};
/** RFC 6238 with RFC 4226 §5.3, from the texts and not from the library that the house uses; test/auth/mfa/totp.test.ts holds oathtool against it. */
export const totp = (secret: string, at: Date, step = 0): string => {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at.getTime() / 30_000) + step));
  const mac = createHmac('sha1', bytesOf(secret)).update(counter).digest();
  const offset = mac[19]! & 15;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
};

export const problem = '... on Problem { code message }';
export const setupMutation = `mutation ($input: SetupMfaInput!) { setupMfa(input: $input) { __typename ${problem}
  ... on InvalidInput { field } ... on MfaSetup { method { id type confirmed label } secret otpauthUri qrCode webauthnOptions } } }`;
export const confirmMutation = `mutation ($input: ConfirmMfaInput!) { confirmMfa(input: $input) { __typename ${problem}
  ... on CodeInvalid { attemptsLeft } ... on MfaEnabled { backupCodes method { id type confirmed } } } }`;
export const challengeMutation = `mutation ($input: ChallengeMfaInput!) { challengeMfa(input: $input) { __typename ${problem}
  ... on MfaChallenge { type sentTo webauthnOptions expiresIn } } }`;
export const verifyMutation = `mutation ($input: VerifyMfaInput!) { verifyMfa(input: $input) { __typename ${problem}
  ... on CodeInvalid { attemptsLeft } ... on AccountLocked { retryAfterSeconds } ... on SignedIn { accessToken refreshToken deviceToken
    user { id email mfaEnabled } session { id amr current trustedDevice authenticatedAt } } } }`;
export const mfaLoginMutation = `mutation ($input: LoginInput!) { login(input: $input) { __typename ${problem}
  ... on MfaRequired { challengeToken methods expiresIn } ... on SignedIn { accessToken refreshToken user { id } session { id amr trustedDevice } } } }`;
export const stepUpMutation = `mutation ($input: StepUpInput!) { stepUp(input: $input) { __typename ${problem}
  ... on CodeInvalid { attemptsLeft } ... on SteppedUp { accessToken expiresIn session { id amr authenticatedAt } } } }`;

export type WithTotp = SignedInPerson & { secret: string; methodId: string; backupCodes: string[] };

/** The answer of one mutation; throws where there is none. */
export const ask = async (client: World['anonymous'], mutation: string, input: object) => {
  const { data, errors } = await client.ask(mutation, { input });
  if (!data) throw new Error(JSON.stringify(errors));
  return Object.values(data)[0] as Record<string, never> & { __typename: string };
};

/** A signed-in user with an authenticator app. The code that confirmed it is spent: the next one is of the next step. */
export const withTotp = async (world: World & { clock: { now(): Date } }, person?: SignedInPerson): Promise<WithTotp> => {
  const who = person ?? (await world.signedIn());
  const setup = (await ask(who.client, setupMutation, { type: 'TOTP' })) as unknown as {
    __typename: string;
    secret: string;
    method: { id: string };
  };
  if (setup.__typename !== 'MfaSetup') throw new Error(JSON.stringify(setup));
  const code = totp(setup.secret, world.clock.now(), -1);
  const enabled = (await ask(who.client, confirmMutation, { methodId: setup.method.id, code })) as unknown as {
    __typename: string;
    backupCodes: string[];
  };
  if (enabled.__typename !== 'MfaEnabled') throw new Error(JSON.stringify(enabled));
  return { ...who, secret: setup.secret, methodId: setup.method.id, backupCodes: enabled.backupCodes };
};

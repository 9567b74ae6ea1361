/** Security keys and passkeys (WebAuthn Level 3), by @simplewebauthn/server. Attestation is not asked for: any authenticator will do. */
import {
  type AuthenticationResponseJSON,
  type AuthenticatorTransport,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  SettingsService,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { Clock, Random } from '../../infra/ports.ts';
import { takeWebauthnChallenge } from './challenges.ts';
import { type Claim, challengeSeconds } from './model.ts';
import { type Confirmed, type MethodRow, type Owner, takeCounter } from './store.ts';

export type WebauthnNeeds = {
  clock: Clock;
  random: Random;
  /** The relying party: its id is a domain that the origins' hosts are or are under (WebAuthn §5.1.2). */
  config: { MFA_ISSUER: string; rpId: string; origins: readonly string[] };
};
export type Webauthn = ReturnType<typeof openWebauthn>;

const challengeBytes = 32;
const timeout = challengeSeconds * 1000;
const algorithms = [-8, -7, -257];

/** The user's id as its 16 bytes: the handle a discoverable credential brings back (§5.4.3: nothing personal). */
const handleOf = (userId: string): Buffer => Buffer.from(userId.replaceAll('-', ''), 'hex');
const idOf = (handle: string | null | undefined): string | null => {
  const hex = handle ? Buffer.from(handle, 'base64url').toString('hex') : '';
  return hex.length === 32 ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : null;
};

/** The longest credential id there is (§4: 1023 bytes), in base64url. */
const longestId = 1364;
const isResponse = (given: unknown): given is { id: string; response: { userHandle?: string | null } } => {
  const { id, response } = (given ?? {}) as { id?: unknown; response?: { userHandle?: unknown } | null };
  if (typeof id !== 'string' || id.length > longestId || typeof response !== 'object' || response === null) return false;
  // What the library decodes: a thing that only has a length would make it fill as much memory.
  return ['userHandle', 'clientDataJSON', 'attestationObject', 'authenticatorData', 'signature'].every(
    (part) => typeof ((response as Record<string, unknown>)[part] ?? '') === 'string',
  );
};
/** The credential that an assertion names, and the user it says it is of. */
export const namedBy = (given: unknown): { credentialId: Buffer; userId: string | null } | null =>
  isResponse(given) ? { credentialId: Buffer.from(given.id, 'base64url'), userId: idOf(given.response.userHandle) } : null;

/** Level 3 §5.8.4. They are the client's word, and only hints: others are left out. */
const transportNames = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'];
const knownOf = (given: unknown): string[] => (Array.isArray(given) ? transportNames.filter((name) => given.includes(name)) : []);
const attestationFormats = ['android-key', 'android-safetynet', 'apple', 'fido-u2f', 'packed', 'tpm'] as const;

const transportsOf = (row: MethodRow) => (row.transports ?? []) as AuthenticatorTransport[];

export const openWebauthn = ({ clock, random, config }: WebauthnNeeds) => {
  const { rpId: rpID, origins } = config;
  const expectedOrigin = [...origins];
  // An attestation may come though none was asked for: it is no reason to follow chains of certificates, nor to fetch lists of revoked ones.
  for (const identifier of attestationFormats) SettingsService.setRootCertificates({ identifier, certificates: [] });

  /** What an assertion over `challenge` by the credential `row` proves; null where it is not genuine, or its counter went back (§6.1.1). */
  const assertion = async (row: MethodRow, challenge: Buffer, given: unknown, requireUserVerification: boolean): Promise<number | null> => {
    if (!row.credential_id || !row.public_key) return null;
    try {
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        response: given as AuthenticationResponseJSON,
        expectedChallenge: challenge.toString('base64url'),
        expectedOrigin,
        expectedRPID: rpID,
        requireUserVerification,
        credential: {
          id: row.credential_id.toString('base64url'),
          publicKey: new Uint8Array(row.public_key),
          counter: Number(row.counter),
          transports: transportsOf(row),
        },
      });
      return verified ? authenticationInfo.newCounter : null;
    } catch {
      // The library throws for whatever is not as it should be: a foreign origin, a wrong challenge, a counter that went back.
      return null;
    }
  };
  const claimOf = (row: MethodRow, challengeId: string, challenge: Buffer, counter: number): Claim => ({
    take: async (sql) =>
      (await takeWebauthnChallenge(sql, challengeId, challenge)) && (await takeCounter(sql, row.id, row.counter, counter, clock.now())),
  });

  return {
    newChallenge: (): Buffer => random.bytes(challengeBytes),
    /** PublicKeyCredentialCreationOptionsJSON (§5.1.8). */
    creationOptions: (owner: Owner, challenge: Buffer): Promise<object> =>
      generateRegistrationOptions({
        rpName: config.MFA_ISSUER,
        rpID,
        userID: new Uint8Array(handleOf(owner.userId)),
        userName: owner.email ?? owner.userId,
        challenge: new Uint8Array(challenge),
        timeout,
        attestationType: 'none',
        supportedAlgorithmIDs: algorithms,
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        excludeCredentials: owner.methods.flatMap((row) =>
          row.credential_id ? [{ id: row.credential_id.toString('base64url'), transports: transportsOf(row) }] : [],
        ),
      }),
    /** PublicKeyCredentialRequestOptionsJSON; with `owner` for those credentials, without for whichever passkey there is. */
    requestOptions: (challenge: Buffer, owner: Owner | null): Promise<object> =>
      generateAuthenticationOptions({
        rpID,
        challenge: new Uint8Array(challenge),
        timeout,
        userVerification: owner ? 'preferred' : 'required',
        ...(owner && {
          allowCredentials: owner.methods.flatMap((row) =>
            row.credential_id ? [{ id: row.credential_id.toString('base64url'), transports: transportsOf(row) }] : [],
          ),
        }),
      }),
    /** What an attestation over the setup's challenge brings; null where it is not genuine. */
    confirm: async (row: MethodRow, given: unknown): Promise<Confirmed | null> => {
      if (!row.challenge || !isResponse(given)) return null;
      try {
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          response: given as unknown as RegistrationResponseJSON,
          expectedChallenge: row.challenge.toString('base64url'),
          expectedOrigin,
          expectedRPID: rpID,
          requireUserVerification: false,
          supportedAlgorithmIDs: algorithms,
        });
        if (!verified || !registrationInfo) return null;
        const { credential } = registrationInfo;
        // §7.1: the authenticator's own name for it, which need not be the `id` that came beside.
        if (credential.id.length > longestId) return null;
        return {
          credentialId: Buffer.from(credential.id, 'base64url'),
          publicKey: Buffer.from(credential.publicKey),
          counter: credential.counter,
          transports: knownOf(credential.transports),
        };
      } catch {
        return null;
      }
    },
    /** As a second factor: by one of the owner's credentials. */
    judge: async (owner: Owner, challenge: { id: string; challenge: Buffer | null }, given: unknown): Promise<Claim | null> => {
      const named = namedBy(given);
      const row = named && owner.methods.find((method) => method.credential_id?.equals(named.credentialId));
      if (!row || !challenge.challenge) return null;
      const counter = await assertion(row, challenge.challenge, given, false);
      return counter === null ? null : claimOf(row, challenge.id, challenge.challenge, counter);
    },
    /** As the first factor: the authenticator has verified its user, and names the one it was registered for. */
    judgePasskey: async (row: MethodRow, challenge: { id: string; challenge: Buffer | null }, given: unknown): Promise<Claim | null> => {
      if (!challenge.challenge || namedBy(given)?.userId !== row.user_id) return null;
      const counter = await assertion(row, challenge.challenge, given, true);
      return counter === null ? null : claimOf(row, challenge.id, challenge.challenge, counter);
    },
  };
};

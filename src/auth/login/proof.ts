/** What a first factor has proved, until a session comes of it; across the second factor it travels in the challenge. */
import type { Sql } from '../../infra/ports.ts';
import type { Device } from '../sessions/device.ts';
import type { Trace } from './risk.ts';
import type { Person } from './store.ts';

export type Proof = {
  userId: string;
  email: string | null;
  locale: string | null;
  /** RFC 8176 §2. */
  amr: readonly string[];
  device: Device;
  knownDevice: boolean;
  /** Whether the user has signed in from any device before; the first sign-in is no news. */
  anyDevice: boolean;
  persistent: boolean;
  /** How the client wants the refresh token; handed through to whoever delivers it. */
  delivery: string | null;
  /** The organization that the tokens are asked to speak for; null: the user's default one. */
  orgId?: string | null;
  /** When the password that was verified had been set; null where it was no password. */
  passwordSetAt: Date | null;
  /** Where the user signed in from before; null where places are not known. */
  before: Trace | null;
  /** The hash it was verified with, and the one that replaces it where its parameters are outdated. */
  verifiedHash: string | null;
  newHash: string | null;
  lockoutKey: Buffer | null;
  /** When it was proved, where that was not just now. A second factor that is given is. */
  authenticatedAt?: Date;
  /** The trusted device that stands for the second factor. */
  trustedDeviceId?: string | null;
  /** What the first factor has still to write where a second one is due. */
  settle?: (sql: Sql) => Promise<void>;
  /** First statement of the sign-in's transaction: takes what was proved, once; false where somebody else did. */
  claim?: (sql: Sql) => Promise<boolean>;
  /** In the same transaction, once the session is there. */
  also?: (sql: Sql, sessionId: string) => Promise<void>;
};

type Packed = Pick<Proof, 'email' | 'locale' | 'amr' | 'device' | 'knownDevice' | 'anyDevice' | 'persistent' | 'delivery' | 'orgId'> & {
  passwordSetAt: string | null;
  before: (Omit<Trace, 'at'> & { at: string }) | null;
};

/** As JSON for the challenge: no hash goes into it. */
export const packProof = (proof: Proof): object => {
  const { email, locale, amr, device, knownDevice, anyDevice, persistent, delivery, orgId, passwordSetAt, before } = proof;
  return { email, locale, amr, device, knownDevice, anyDevice, persistent, delivery, orgId, passwordSetAt, before };
};

export const unpackProof = (userId: string, packed: Record<string, unknown>): Proof => {
  const { passwordSetAt, before, ...rest } = packed as unknown as Packed;
  return {
    ...rest,
    userId,
    passwordSetAt: passwordSetAt === null ? null : new Date(passwordSetAt),
    before: before && { ...before, at: new Date(before.at) },
    verifiedHash: null,
    newHash: null,
    lockoutKey: null,
  };
};

/** The part that every first factor states alike. */
export const proofOf = (
  person: Pick<Person, 'user_id' | 'email' | 'locale' | 'known' | 'any_device' | 'before' | 'country_known'>,
  device: Device,
  input: { persistent?: boolean | null; delivery?: string | null; orgId?: string | null },
): Omit<Proof, 'amr'> => ({
  userId: person.user_id,
  email: person.email,
  locale: person.locale,
  device,
  knownDevice: person.known,
  anyDevice: person.any_device,
  persistent: input.persistent ?? false,
  delivery: input.delivery ?? null,
  orgId: input.orgId?.toLowerCase() ?? null,
  passwordSetAt: null,
  before: person.before && { ...person.before, at: new Date(person.before.at), countryKnown: person.country_known ?? false },
  verifiedHash: null,
  newHash: null,
  lockoutKey: null,
});

/** The token with which Vault is asked: one that was given, or one that AppRole gives for a time (Vault's AppRole auth method). */
import type { Secret } from '../secret.ts';
import { Refused } from './remote.ts';

export type VaultAuth =
  | { kind: 'token'; token: Secret }
  /** `mount` is where AppRole is mounted below auth/. */
  | { kind: 'approle'; roleId: string; secretId: Secret; mount: string };

/** One request of Vault's HTTP API; `body` null is a GET. */
export type AskVault = (
  request: { path: string; body: object | null; token: string | null },
  signal: AbortSignal,
) => Promise<{ status: number; body: unknown }>;

type Grant = { client_token?: unknown; lease_duration?: unknown; renewable?: unknown };
/** A token that lasts for ever has a lease of 0. */
type Held = { token: string; renewAt: number; endsAt: number; renewable: boolean };

const held = (grant: Grant): Held => {
  const seconds = Number(grant.lease_duration ?? 0);
  const now = performance.now();
  return {
    token: String(grant.client_token),
    renewAt: seconds > 0 ? now + (seconds * 2000) / 3 : Number.POSITIVE_INFINITY,
    endsAt: seconds > 0 ? now + seconds * 1000 : Number.POSITIVE_INFINITY,
    renewable: grant.renewable === true,
  };
};

export const openVaultSession = (ask: AskVault, auth: VaultAuth) => {
  let session: Held | undefined;
  let fetching: Promise<Held> | undefined;

  const grantOf = (answer: { body: unknown }): Grant | undefined => (answer.body as { auth?: Grant } | null)?.auth;
  const login = async (signal: AbortSignal): Promise<Held> => {
    if (auth.kind === 'token') return { token: auth.token.reveal(), renewAt: Infinity, endsAt: Infinity, renewable: false };
    const body = { role_id: auth.roleId, secret_id: auth.secretId.reveal() };
    const answer = await ask({ path: `auth/${auth.mount}/login`, body, token: null }, signal);
    const grant = grantOf(answer);
    if (answer.status !== 200 || typeof grant?.client_token !== 'string')
      throw new Refused(`Vault does not take the AppRole's credentials (HTTP ${answer.status})`, 30);
    return held(grant);
  };
  // A token has an end that renewals do not move (token_max_ttl): one that gets no longer life is replaced.
  const renew = async (old: Held, signal: AbortSignal): Promise<Held> => {
    if (!old.renewable || performance.now() >= old.endsAt) return login(signal);
    const answer = await ask({ path: 'auth/token/renew-self', body: {}, token: old.token }, signal);
    const grant = grantOf(answer);
    if (answer.status !== 200 || typeof grant?.client_token !== 'string') return login(signal);
    const next = held(grant);
    return next.endsAt > old.endsAt ? next : login(signal);
  };

  return {
    /** The token to use now; those who ask at once log in once. Throws `Refused`, and what `ask` throws. */
    token: async (signal: AbortSignal): Promise<string> => {
      const present = session;
      if (present && performance.now() < present.renewAt) return present.token;
      fetching ??= (present ? renew(present, signal) : login(signal))
        .then((next) => {
          session = next;
          return next;
        })
        .finally(() => {
          fetching = undefined;
        });
      return (await fetching).token;
    },
    /** Vault has answered 403 to `token`. Whether it is worth asking again, with another one. */
    refused: (token: string): boolean => {
      if (auth.kind === 'token') return false;
      if (session?.token === token) session = undefined;
      return true;
    },
  };
};

/**
 * Forward-auth: a gateway (nginx, Traefik, Envoy) asks before it hands a request on, is its bearer token good, and whose is it? The same
 * judgement for each of them; each has its own names for the headers.
 */
import { Denial } from '../access/denial.ts';
import type { Bearer } from '../caller.ts';
import type { Bearers } from './bearers.ts';

/** Whom a gateway may tell its services about; empty where it does not apply. Visible ASCII, as in a header (RFC 9110 §5.5). */
export type Vouched = {
  readonly user: string;
  readonly session: string;
  readonly org: string;
  readonly client: string;
  /** The administrator who acts as the user. */
  readonly impersonator: string;
  readonly scope: string;
  readonly amr: string;
  /** Seconds since 1970. */
  readonly authTime: string;
  readonly expires: string;
};
/** `challenge`: the value of WWW-Authenticate (RFC 6750 §3). */
export type Judgement =
  | { readonly kind: 'Good'; readonly bearer: Bearer; readonly vouched: Vouched }
  | { readonly kind: 'Refused'; readonly challenge: string };

const seconds = (at: Date): string => String(Math.floor(at.getTime() / 1000));

const vouchedOf = ({ identity, client }: Bearer): Vouched => {
  if (client) {
    const person = { user: '', session: '', org: '', impersonator: '', amr: '', authTime: '' };
    return { ...person, client: client.clientId, scope: client.scopes.join(' '), expires: seconds(client.expiresAt) };
  }
  const { userId, apiKeyId, sessionId, orgId, clientId, impersonatorId, scopes, amr, authenticatedAt, expiresAt } = identity;
  return {
    user: userId,
    session: apiKeyId ? '' : sessionId,
    org: orgId ?? '',
    client: clientId,
    impersonator: impersonatorId ?? '',
    scope: scopes.join(' '),
    amr: amr.join(' '),
    authTime: seconds(authenticatedAt),
    expires: seconds(expiresAt),
  };
};
const refused = (challenge: string): Judgement => ({ kind: 'Refused', challenge });

/** Judges the Authorization header of the request that is asked about. Throws `Unavailable` where it cannot be told. */
export const judgeBearer =
  (identify: Bearers['identify']) =>
  async (authorization: string | undefined): Promise<Judgement> => {
    try {
      const { identity, client } = await identify(authorization);
      // §3.1: no error code where no token was sent.
      if (!identity && !client) return refused('Bearer');
      // RFC 9470 §3: genuine, but a second factor is due before it opens anything.
      if (identity?.restricted) return refused('Bearer error="insufficient_user_authentication"');
      const bearer = identity ? { identity, client: null } : { identity: null, client: client as NonNullable<typeof client> };
      return { kind: 'Good', bearer, vouched: vouchedOf(bearer) };
    } catch (error) {
      if (error instanceof Denial) return refused('Bearer error="invalid_token"');
      throw error;
    }
  };

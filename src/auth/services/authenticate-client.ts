/** Which client sends a request (RFC 6749 §2.3): by a secret or by an assertion. Whatever is wrong is one answer, for a client that is there and one that is not. */
import { timingSafeEqual } from 'node:crypto';
import type { Clock, Database, Limiter, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { parseId } from '../paging.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { claimedClient, verifyAssertion } from './assertion.ts';
import type { ClientProof } from './model.ts';
import { type ClientRow, findClient, spendAssertion } from './store.ts';

export type ClientNeeds = {
  database: Database;
  clock: Clock;
  limiter: Limiter;
  trail: AuditTrail;
  config: { issuer: string; publicUrl: string; RATE_LIMIT_SERVICE: Rate; RATE_LIMIT_SERVICE_TOKEN: Rate };
};
/** The client's part of a refusal: `invalid_client` of RFC 6749 §5.2. */
export type ClientInvalid = { readonly kind: 'ClientInvalid' } | Refused<'TooManyAttempts'>;
export type KnownClient = { readonly kind: 'Client'; readonly client: ClientRow };

export const authenticateClient = ({ database, clock, limiter, trail, config }: ClientNeeds) => {
  const audiences = [config.issuer, `${config.publicUrl}/oauth/token`];

  const bySecret = (client: ClientRow | undefined, secret: string): boolean => {
    const given = tokenDigest(secret);
    const previous = client?.previous_expires_at && client.previous_expires_at > clock.now() ? client.previous_secret_hash : null;
    // For a client that is not there the same comparison, with what nothing equals.
    const current = timingSafeEqual(given, client?.secret_hash ?? Buffer.alloc(32));
    return (client !== undefined && current) || (previous !== null && timingSafeEqual(given, previous));
  };
  const byAssertion = async (client: ClientRow | undefined, assertion: string): Promise<boolean> => {
    if (!client?.jwks) return false;
    const expected = { clientId: client.id, jwks: client.jwks as never, audiences, now: clock.now() };
    const genuine = await verifyAssertion(assertion, expected);
    // Spent at once and by itself: whatever the request leads to, the assertion has been used.
    return genuine !== null && (await spendAssertion(database, client.id, genuine.jtiHash, genuine.expiresAt));
  };

  /**
   * Failures are counted after the proof was looked at, not before: a secret of 256 bits cannot be guessed, and so nobody's failures, on
   * the same network or in the client's own name, lock an honest client out. What the limit keeps small is the log.
   */
  const failed = async (caller: Caller, clientId: string | null, method: ClientProof['method']): Promise<ClientInvalid> => {
    for (const key of [`service network:${caller.network}`, ...(clientId ? [`service client:${clientId}`] : [])]) {
      const { allowed, retryAfterSeconds } = await limiter.take(key, config.RATE_LIMIT_SERVICE);
      if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    }
    const resource = clientId && `service_client:${clientId}`;
    const fact = { type: 'service_client.authentication_failed', outcome: 'FAILURE', data: { method }, resource } as const;
    await trail.write(database, [trail.fact(caller, { ...fact, actorId: null })]);
    trail.committed();
    return { kind: 'ClientInvalid' };
  };

  return async (caller: Caller, proof: ClientProof): Promise<KnownClient | ClientInvalid> => {
    const { method } = proof;
    const claimed = proof.method === 'private_key_jwt' ? claimedClient(proof.assertion) : proof.clientId;
    // RFC 7521 §4.2: a client_id beside the assertion names the same client.
    const named = proof.clientId === null || proof.clientId === claimed;
    const clientId = claimed === null ? null : parseId(claimed);
    const client = clientId !== null && named ? await findClient(database, clientId) : undefined;
    const proved = proof.method === 'private_key_jwt' ? await byAssertion(client, proof.assertion) : bySecret(client, proof.secret);
    return client && proved ? { kind: 'Client', client } : failed(caller, clientId, method);
  };
};

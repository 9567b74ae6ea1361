/** One attempt: the body from the log, signed, sent, and what came of it kept. */
import {
  type Clock,
  type Database,
  DoesNotOpen,
  type Kms,
  type Log,
  type Posted,
  type Random,
  type WebhookSender,
} from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import { findFact } from '../audit/store.ts';
import { houseOrigin } from '../sessions/expire.ts';
import { bodyOf } from './event.ts';
import { hostOf, nextAttempt, resourceOf, retryAfterSeconds } from './model.ts';
import { type Claim, type Finished, finishDelivery, giveBackDelivery } from './queue-store.ts';
import { openSecret, signedHeaders } from './secret.ts';
import { noteFailure, noteSuccess } from './store.ts';

export type DeliverNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  kms: Kms;
  trail: AuditTrail;
  log: Log;
  webhookSender: Pick<WebhookSender, 'post'>;
};
/** `Lost`: what came of it is another worker's to tell. */
export type Attempted = 'Delivered' | 'Failed' | 'GaveBack' | 'Lost';

/** For this long what cannot be signed for want of the KMS is left alone. */
const pauseMs = 30_000;
const gone = 410;
const notKept = 'event no longer kept';

const isDelivered = (posted: Posted): boolean => posted.kind === 'Answered' && posted.status >= 200 && posted.status < 300;
/** What is told of a failure: a word, never what was answered. */
const errorOf = (posted: Posted): string | null => {
  if (posted.kind === 'Answered') return isDelivered(posted) ? null : `HTTP ${posted.status}`;
  return posted.kind === 'Failed' ? posted.error : null;
};

export const deliverWebhook = (needs: DeliverNeeds) => {
  const { database, clock, random, kms, trail, log, webhookSender } = needs;

  const succeeded = async (claim: Claim, done: Finished): Promise<Attempted> => {
    const kept = await database.transaction(async (sql) => {
      if (!(await finishDelivery(sql, claim, done))) return false;
      // Whatever was known when it was claimed: another may have failed meanwhile.
      await noteSuccess(sql, claim.endpointId);
      return true;
    });
    return kept ? 'Delivered' : 'Lost';
  };

  const failed = async (claim: Claim, done: Finished): Promise<Attempted> => {
    const { endpointId, orgId, url } = claim;
    const isGone = done.statusCode === gone;
    const kept = await database.transaction(async (sql) => {
      if (!(await finishDelivery(sql, claim, done))) return false;
      // That is no failure of the receiver's.
      if (done.error === notKept || !(await noteFailure(sql, endpointId, done.at, isGone))) return true;
      const data = { host: hostOf(url), reason: isGone ? 'gone' : 'failing' } as const;
      const fact = { type: 'webhook.disabled', data, actorId: null, orgId, subjectId: null, resource: resourceOf(endpointId) } as const;
      await trail.write(sql, [trail.fact(houseOrigin, fact)]);
      return true;
    });
    trail.committed();
    return kept ? 'Failed' : 'Lost';
  };

  /** The body and its headers; null where it cannot be made now. `reason`: it never will. */
  const prepare = async (
    claim: Claim,
    at: Date,
  ): Promise<{ headers: Record<string, string>; body: string } | { reason: string } | null> => {
    const fact = await findFact(database, claim.eventId, claim.orgId, at);
    if (!fact) return { reason: notKept };
    try {
      const key = await openSecret(kms, { id: claim.endpointId, orgId: claim.orgId }, claim.sealed);
      const body = bodyOf(fact, claim);
      const headers = { 'content-type': 'application/json', 'user-agent': 'latchkey-webhooks', ...signedHeaders(key, claim.id, at, body) };
      return { headers, body };
    } catch (error) {
      log.warn({ error, endpoint: claim.endpointId }, 'the secret of a webhook does not open');
      return error instanceof DoesNotOpen ? { reason: 'secret lost' } : null;
    }
  };

  /** `stopping` calls it off: then it is given back, and due at once. */
  return async (claim: Claim, stopping: AbortSignal): Promise<Attempted> => {
    const at = clock.now();
    const prepared = await prepare(claim, at);
    const giveBack = async (due: Date): Promise<Attempted> => {
      await giveBackDelivery(database, claim, due);
      return 'GaveBack';
    };
    if (prepared === null) return giveBack(new Date(at.getTime() + pauseMs));
    if ('reason' in prepared) return failed(claim, { statusCode: null, error: prepared.reason, durationMs: 0, at, nextAttemptAt: null });
    const began = performance.now();
    const posted = await webhookSender.post({ url: claim.url, ...prepared }, stopping);
    if (posted.kind === 'Stopped') return giveBack(claim.dueAt);
    const durationMs = Math.round(performance.now() - began);
    const statusCode = posted.kind === 'Answered' ? posted.status : null;
    const done = { statusCode, error: errorOf(posted), durationMs, at };
    if (isDelivered(posted)) return succeeded(claim, { ...done, nextAttemptAt: null });
    const asked = posted.kind === 'Answered' ? retryAfterSeconds(posted.retryAfter, at) : 0;
    const next = statusCode === gone ? null : nextAttempt(claim.attempt + 1, clock.now(), asked, (random.bytes(1)[0] ?? 0) / 255);
    return failed(claim, { ...done, nextAttemptAt: next });
  };
};

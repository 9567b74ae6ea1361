/** Recomputes the seals from the log, and names the first fact that does not match. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Database } from '../../infra/ports.ts';
import { badRequest, rateLimited } from '../access/denial.ts';
import { entriesIn, entryOf, entrySize, idOf, rootOf } from './merkle.ts';
import { isAfter } from './model.ts';
import { chainedTo, type Seal, type SealKey, statementOf } from './seal.ts';
import { beginning } from './seal-log.ts';
import { findLastSeal, findSeal, findSpan, readWithin } from './seal-store.ts';
import { readAfter } from './store.ts';

export type AuditRange = { from?: Date | null; to?: Date | null };
/**
 * `events`, `seals`: how many were recomputed; `from`, `to`: the time of the first and the last fact of these. `firstBroken`: the id of the first
 * fact that was changed, removed, put in or left without a seal; null where a seal itself is broken and no fact is left to be named.
 */
export type AuditVerification = {
  valid: boolean;
  events: number;
  seals: number;
  from: Date | null;
  to: Date | null;
  firstBroken: string | null;
};
export type VerifyNeeds = { database: Database; clock: Clock; sealKey: SealKey };

/** What is older and has no seal was put in, or its seal was taken away: the sealer comes every minute. */
const sealedWithinMs = 3_600_000;
/** How many may wait for their turn in one process. */
const mostWaiting = 4;

type Flaw = { id: string | null };
const isGenuine = (sealKey: SealKey, seal: Seal, before: Seal | null): boolean =>
  seal.number === (before?.number ?? 0) + 1 &&
  seal.total === (before?.total ?? 0) + seal.events &&
  seal.entries.length === seal.events * entrySize &&
  (seal.previous === null ? before === null : chainedTo(before)?.equals(seal.previous) === true) &&
  isAfter(seal.until, before?.until ?? beginning) &&
  sealKey.verify(statementOf(seal), seal.signature) &&
  rootOf(entriesIn(seal.entries)).equals(seal.root);

/** What is wrong with a batch, of which the first fact that is; null where it is as it was sealed. */
const flawOf = async ({ database, sealKey }: VerifyNeeds, seal: Seal, before: Seal | null): Promise<Flaw | null> => {
  const facts = await readWithin(database, before?.until ?? beginning, seal.until, seal.events + 1);
  if (!isGenuine(sealKey, seal, before)) return { id: facts[0]?.id ?? null };
  const entries = entriesIn(seal.entries);
  const at = Array.from({ length: Math.max(facts.length, entries.length) }).findIndex((_, place) => {
    const [fact, entry] = [facts[place], entries[place]];
    return !fact || !entry || !entryOf(fact).equals(entry);
  });
  if (at < 0) return null;
  const [fact, entry] = [facts[at], entries[at]];
  const sealed = new Set(entries.map(idOf));
  // One that was never sealed was put in; else what ought to stand here is changed or gone.
  return { id: fact && (!entry || !sealed.has(fact.id)) ? fact.id : entry ? idOf(entry) : null };
};

/** The first fact after all seals that ought to have one by now. */
const unsealed = async ({ database, clock }: VerifyNeeds, { from, to }: AuditRange): Promise<Flaw | null> => {
  const [fact] = await readAfter(database, (await findLastSeal(database))?.until ?? beginning, 1);
  const late = clock.now().getTime() - sealedWithinMs;
  if (!fact || fact.occurred_at.getTime() >= late) return null;
  return (from && fact.occurred_at < from) || (to && fact.occurred_at >= to) ? null : { id: fact.id };
};

const verify = async (needs: VerifyNeeds, range: AuditRange): Promise<AuditVerification> => {
  const { database } = needs;
  const seen = { events: 0, seals: 0, from: null as Date | null, to: null as Date | null };
  const span = await findSpan(database, range.from ?? null, range.to ?? null);
  // Without a bound all of it: also what was put before the first seal that is left.
  const first = range.from ? (span?.first ?? 1) : 1;
  let before = first > 1 ? await findSeal(database, first - 1) : null;
  for (let number = first; span && number <= span.last; number += 1) {
    const seal = await findSeal(database, number);
    const flaw = seal
      ? await flawOf(needs, seal, before)
      : { id: (await readAfter(database, before?.until ?? beginning, 1))[0]?.id ?? null };
    if (flaw) return { ...seen, valid: false, firstBroken: flaw.id };
    before = seal;
    if (seal) {
      seen.events += seal.events;
      seen.seals += 1;
      seen.from = seen.from && seen.from < seal.firstAt ? seen.from : seal.firstAt;
      seen.to = seen.to && seen.to > seal.lastAt ? seen.to : seal.lastAt;
    }
    // Others have their turn between two batches.
    await turn();
  }
  const flaw = await unsealed(needs, range);
  return { ...seen, valid: flaw === null, firstBroken: flaw?.id ?? null };
};

/** One at a time in a process, since it computes; throws the denials BAD_REQUEST (a range that ends before it begins) and RATE_LIMITED (too many wait). */
export const verifyTrail = (needs: VerifyNeeds) => {
  let running: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (range: AuditRange): Promise<AuditVerification> => {
    if (range.from && range.to && range.to <= range.from) throw badRequest('to has to be later than from.');
    if (waiting >= mostWaiting) throw rateLimited(30);
    waiting += 1;
    const mine = running.then(() => verify(needs, range));
    running = mine
      .catch(() => {})
      .finally(() => {
        waiting -= 1;
      });
    return mine;
  };
};

/** Recomputes the seals from the log, and names the first fact that does not match. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Database } from '../../infra/ports.ts';
import { badRequest, rateLimited } from '../access/denial.ts';
import { entriesIn, entryOf, entrySize, idOf, rootOf } from './merkle.ts';
import { isAfter } from './model.ts';
import { chainedTo, type Seal, type SealKey, statementOf } from './seal.ts';
import { beginning } from './seal-log.ts';
import { findBounds, findLastSeal, findSeal, readWithin } from './seal-store.ts';
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
/** Whether the seal says what was signed, on the one before. Its facts are not looked at. */
const isSigned = (sealKey: SealKey, seal: Seal, before: Seal | null): boolean =>
  seal.number === (before?.number ?? 0) + 1 &&
  seal.total === (before?.total ?? 0) + seal.events &&
  (seal.previous === null ? before === null : chainedTo(before)?.equals(seal.previous) === true) &&
  sealKey.verify(statementOf(seal), seal.signature);
const isGenuine = (sealKey: SealKey, seal: Seal, before: Seal | null): boolean =>
  isSigned(sealKey, seal, before) &&
  seal.entries.length === seal.events * entrySize &&
  isAfter(seal.until, before?.until ?? beginning) &&
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

/**
 * Which seals are recomputed, and the two about them. Those are looked at too, without their facts: by what they say of their times a range is
 * chosen, and a time that was changed would leave out whatever somebody likes.
 */
const rangeOf = async ({ database, sealKey }: VerifyNeeds, { from, to }: AuditRange) => {
  const { before, after, newest } = await findBounds(database, from ?? null, to ?? null);
  const early = before === null ? null : await findSeal(database, before);
  const earlier = before === null || before === 1 ? null : await findSeal(database, before - 1);
  const sound = before === null || (early !== null && isSigned(sealKey, early, earlier));
  return { before: early, sound, first: (before ?? 0) + 1, last: after === null ? newest : after - 1, after };
};

const verify = async (needs: VerifyNeeds, range: AuditRange): Promise<AuditVerification> => {
  const { database, sealKey } = needs;
  const seen = { events: 0, seals: 0, from: null as Date | null, to: null as Date | null };
  const broken = (firstBroken: string | null): AuditVerification => ({ ...seen, valid: false, firstBroken });
  const idAfter = async (seal: Seal | null) => (await readAfter(database, seal?.until ?? beginning, 1))[0]?.id ?? null;
  const { sound, first, last, after, before: bound } = await rangeOf(needs, range);
  if (!sound) return broken(await idAfter(bound));
  let before = bound;
  for (let number = first; number <= last; number += 1) {
    const seal = await findSeal(database, number);
    if (!seal) return broken(await idAfter(before));
    const flaw = await flawOf(needs, seal, before);
    if (flaw) return broken(flaw.id);
    before = seal;
    seen.events += seal.events;
    seen.seals += 1;
    seen.from = seen.from && seen.from < seal.firstAt ? seen.from : seal.firstAt;
    seen.to = seen.to && seen.to > seal.lastAt ? seen.to : seal.lastAt;
    // Others have their turn between two batches.
    await turn();
  }
  if (after !== null) {
    const next = await findSeal(database, after);
    return next && isSigned(sealKey, next, before) ? { ...seen, valid: true, firstBroken: null } : broken(await idAfter(before));
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

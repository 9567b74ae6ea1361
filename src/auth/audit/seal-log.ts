/**
 * The sealer: closes what the log has into batches and signs them, off the hot path, each fact once. It reads below the snapshot's xmin, in commit
 * order, so that no late commit lands in a batch that is closed. Processes may run it at once: of equal numbers one gets in.
 */
import type { Clock, Database, Log } from '../../infra/ports.ts';
import { entryOf, rootOf } from './merkle.ts';
import type { CommittedFact, Position } from './model.ts';
import { chainedTo, type Seal, type SealKey, statementOf, type Unsigned } from './seal.ts';
import { findLastSeal, insertSeal } from './seal-store.ts';
import { readAfter } from './store.ts';

/** How many facts a seal covers at most. */
const batch = 1_000;
export const beginning: Position = { tx: '0', seq: '-1' };

export type SealNeeds = { database: Database; clock: Clock; log: Log; sealKey: SealKey };

const sealOf = (facts: readonly CommittedFact[], before: Seal | null, { clock, sealKey }: SealNeeds): Seal => {
  const entries = facts.map(entryOf);
  const times = facts.map((fact) => fact.occurred_at.getTime());
  const { tx, seq } = facts.at(-1) as CommittedFact;
  const unsigned: Unsigned = {
    number: (before?.number ?? 0) + 1,
    events: facts.length,
    total: (before?.total ?? 0) + facts.length,
    firstAt: new Date(Math.min(...times)),
    lastAt: new Date(Math.max(...times)),
    sealedAt: clock.now(),
    root: rootOf(entries),
    previous: chainedTo(before),
  };
  const signature = sealKey.sign(statementOf(unsigned));
  return { ...unsigned, entries: Buffer.concat(entries), kid: sealKey.kid, signature, until: { tx, seq } };
};

/** Seals all that is readable now; how many seals this process made. Each is told to the operator's log: a copy that whoever changes the database does not reach. */
export const sealLog = (needs: SealNeeds) => async (): Promise<number> => {
  const { database, log } = needs;
  for (let made = 0; ; made += 1) {
    const before = await findLastSeal(database);
    if (before && !needs.sealKey.verify(statementOf(before), before.signature)) {
      // Signed on top of it, it would look whole from then on.
      log.error({ number: before.number }, 'the last seal of the log is not as it was signed: nothing is sealed on it');
      return made;
    }
    const facts = await readAfter(database, before?.until ?? beginning, batch);
    if (facts.length === 0) return made;
    const seal = sealOf(facts, before, needs);
    // Another process was quicker: it goes on.
    if (!(await insertSeal(database, seal))) return made;
    log.info(
      { number: seal.number, events: seal.events, total: seal.total, root: seal.root.toString('base64url'), kid: seal.kid },
      'the log was sealed',
    );
    if (facts.length < batch) return made + 1;
  }
};

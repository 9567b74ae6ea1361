/** The door of the audit room. */
import type { Clock, Database, Log } from '../../infra/ports.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Follow } from './follow.ts';
import { type Facts, listFacts } from './list.ts';
import type { FactRow } from './model.ts';
import type { SealKey } from './seal.ts';
import { sealLog } from './seal-log.ts';
import { verifyTrail } from './verify-trail.ts';
import { type FactFilter, isVisible, type MayIn, mayReadIn, visibleFacts } from './visible.ts';

export type Audit = ReturnType<typeof openAudit>;

export const openAudit = (needs: {
  database: Database;
  clock: Clock;
  followFacts: Follow;
  mayIn: MayIn;
  facts: Facts;
  log: Log;
  sealKey: SealKey;
}) => ({
  list: listFacts(needs),
  verify: verifyTrail(needs),
  /** For the back door alone. */
  seal: sealLog(needs),
  /** The facts the caller may see, from `after` on, then live. */
  follow: async (caller: SignedInCaller, input: { filter?: FactFilter | null; after?: string | null }) => {
    const visibleWith = async (permissions: ReadonlySet<string>) =>
      visibleFacts({ ...caller, permissions }, input.filter, await mayReadIn(needs.mayIn, caller, input.filter));
    const visible = await visibleWith(caller.permissions);
    return needs.followFacts(caller, {
      after: input.after ?? null,
      orgId: visible.orgId ?? null,
      may: async (held) => (await visibleWith(held)).personId === visible.personId,
      accept: (fact) => isVisible(visible, fact),
      as: (fact): FactRow => fact,
    });
  },
});

/**
 * The log → deliveries that wait: a projection with a cursor of its own, in commit order. Cursor and deliveries move in one transaction, and one
 * process at a time does it: no fact is left out and none is queued twice, whoever is killed when.
 */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import { type CommittedFact, typeMatches } from '../audit/model.ts';
import { readAfter } from '../audit/store.ts';
import { type Endpoint, resourceOf } from './model.ts';
import { queueDeliveries } from './queue-store.ts';
import { listEnabled, moveCursor, takeCursor } from './store.ts';

const batch = 500;
type Wanting = Pick<Endpoint, 'id' | 'orgId' | 'types'>;

/** Whether an endpoint is sent a fact: one of its owner's, of its types, and not that of its own making. */
export const wants = ({ id, orgId, types }: Wanting, fact: Pick<CommittedFact, 'type' | 'org_id' | 'resource'>): boolean =>
  (orgId === null || fact.org_id === orgId) &&
  typeMatches(types, fact.type) &&
  !(fact.type === 'webhook.created' && fact.resource === resourceOf(id));

/** Queues what has been committed since the last time; how many deliveries. Returns at once where another process is at it. */
export const projectWebhooks =
  ({ database, clock, random }: { database: Database; clock: Clock; random: Random }) =>
  async (): Promise<number> => {
    for (let queued = 0; ; ) {
      const read = await database.transaction(async (sql) => {
        const from = await takeCursor(sql);
        const facts = from ? await readAfter(sql, from, batch) : [];
        const last = facts.at(-1);
        if (!last) return 0;
        // After the facts: whoever was made before one of them was committed is seen.
        const orgIds = new Set(facts.flatMap(({ org_id: orgId }) => (orgId === null ? [] : [orgId])));
        const endpoints = Map.groupBy(await listEnabled(sql, [...orgIds]), ({ orgId }) => orgId);
        const at = clock.now();
        const wanted = facts.flatMap((fact) =>
          [null, fact.org_id]
            .filter((owner, n) => n === 0 || owner !== null)
            .flatMap((owner) => endpoints.get(owner) ?? [])
            .filter((endpoint) => wants(endpoint, fact))
            .map(({ id }) => ({ id: random.uuid(at), endpointId: id, eventId: fact.id, type: fact.type, tx: fact.tx })),
        );
        queued += await queueDeliveries(sql, wanted, at);
        await moveCursor(sql, last);
        return facts.length;
      });
      if (read < batch) return queued;
    }
  };

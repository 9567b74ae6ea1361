/** Deleting an endpoint: nothing is sent to it any more, but for what is on its way. */
import type { Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { parseId } from '../paging.ts';
import { type EnterNeeds, reachEndpoint } from './enter.ts';
import { hostOf, resourceOf } from './model.ts';
import { deleteEndpoint, findEndpoint } from './store.ts';

export type DeleteNeeds = EnterNeeds & { database: Database; trail: AuditTrail };
export type Deleted = { readonly kind: 'Deleted'; readonly id: string };

export const deleteWebhook =
  (needs: DeleteNeeds) =>
  async (caller: Caller, input: { endpointId: string }): Promise<Deleted | Refused<'NotFound'>> => {
    const { database, trail } = needs;
    const id = parseId(input.endpointId);
    const endpoint = id === null ? undefined : await findEndpoint(database, id);
    if (!endpoint || !(await reachEndpoint(needs, caller, endpoint))) return { kind: 'NotFound' };
    const { orgId, url } = endpoint;
    const gone = await database.transaction(async (sql) => {
      if (!(await deleteEndpoint(sql, endpoint.id, orgId))) return false;
      const fact = {
        type: 'webhook.deleted',
        data: { host: hostOf(url) },
        orgId,
        subjectId: null,
        resource: resourceOf(endpoint.id),
      } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      return true;
    });
    if (!gone) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'Deleted', id: endpoint.id };
  };

/** Endpoints and their deliveries as their managers see them. */
import type { Database } from '../../infra/ports.ts';
import type { Caller } from '../caller.ts';
import { type Page, type PageArgs, pageOf, windowOf } from '../paging.ts';
import { type EnterNeeds, enterWebhooks } from './enter.ts';
import type { Delivery, Endpoint } from './model.ts';
import { readDeliveries } from './queue-store.ts';
import { listEndpoints } from './store.ts';

export type ListNeeds = EnterNeeds & { database: Database };

/** Newest first; none where the organization is not there for the caller. Throws FORBIDDEN where it is, and he may not. */
export const listWebhooks =
  (needs: ListNeeds) =>
  async (caller: Caller, orgId: string | null): Promise<Endpoint[]> => {
    const owner = orgId?.toLowerCase() ?? null;
    return (await enterWebhooks(needs, caller, owner)) ? listEndpoints(needs.database, owner) : [];
  };

/** Of an endpoint that the caller has been shown; newest first, each page a walk along one index. */
export const listDeliveries =
  ({ database }: Pick<ListNeeds, 'database'>) =>
  async ({ id }: Pick<Endpoint, 'id'>, args: PageArgs): Promise<Page<Delivery>> => {
    const window = windowOf(args);
    const between = { older: window.after, newer: window.before, backwards: window.backwards, limit: window.size + 1 };
    return pageOf(window, await readDeliveries(database, id, between));
  };

/** A page of the log, newest first; flat as the log grows: each page is a walk along one index (two, where one is the facts' actor or subject). */
import type { Clock, Database } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { SignedInCaller } from '../caller.ts';
import { countTo } from '../counting.ts';
import { type Page, type PageArgs, pageOf, windowOf } from '../paging.ts';
import { type FactRow, typeMatches } from './model.ts';
import { leastKept } from './store.ts';
import { type FactFilter, type MayIn, mayReadIn, type Visible, visibleFacts } from './visible.ts';

const columns = `id, type, occurred_at, outcome, actor_id, actor_client, impersonator_id, subject_id, org_id, session_id, resource, ip_address,
  user_agent, request_id, data`;

/** The SQL conditions of a filter; values are appended to `values`. Only texts of this file reach the SQL. */
const conditionsOf = (visible: Visible, values: unknown[]): string[] => {
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions: string[] = [];
  if (visible.types?.length) {
    const prefixes = visible.types
      .filter((type) => type.endsWith('*'))
      .map((type) => `${type.slice(0, -1).replaceAll(/[\\%_]/g, '\\$&')}%`);
    const names = visible.types.filter((type) => !type.endsWith('*'));
    // Its facts are in no index of types: whoever does not ask for them has the index.
    if (!typeMatches(visible.types, 'session.refreshed')) conditions.push(`type <> 'session.refreshed'`);
    conditions.push(`(type = ANY(${bind(names)}::text[]) OR type LIKE ANY(${bind(prefixes)}::text[]))`);
  }
  if (visible.actorId) conditions.push(`actor_id = ${bind(visible.actorId)}`);
  if (visible.subjectId) conditions.push(`subject_id = ${bind(visible.subjectId)}`);
  if (visible.orgId) conditions.push(`org_id = ${bind(visible.orgId)}`);
  if (visible.outcome) conditions.push(`outcome = ${bind(visible.outcome)}::audit_outcome`);
  if (visible.resource) conditions.push(`resource = ${bind(visible.resource)}`);
  if (visible.ipAddress) conditions.push(`ip_address = ${bind(visible.ipAddress)}`);
  // The id's time is the fact's: a bound on it also leaves out the months that cannot match.
  if (visible.from) conditions.push(`id >= uuid_floor(${bind(visible.from)}::timestamptz)`);
  if (visible.to) conditions.push(`id < uuid_floor(${bind(visible.to)}::timestamptz)`);
  return conditions;
};

/** What is older than an organization keeps is not in its list, whoever reads that; nor in its streams (./follow.ts). */
const retainedOf = ({ orgId }: Visible, now: Date, values: unknown[]): string[] => {
  if (!orgId) return [];
  const [org, at] = [`$${values.push(orgId)}`, `$${values.push(now)}`];
  return [`id >= coalesce(${leastKept(org, at)}, '00000000-0000-0000-0000-000000000000'::uuid)`];
};

/**
 * Each leg is a walk along one index, as long as the page whoever the person is. A fact whose actor is its subject (most are) stands in the
 * index of subjects alone, so the legs share none.
 */
const legsOf = ({ personId, actorId }: Visible, values: unknown[]): string[][] => {
  const someone = personId ?? actorId;
  if (!someone) return [[]];
  const person = `$${values.push(someone)}::uuid`;
  const asSubject = [`subject_id = ${person}`, ...(personId ? [] : [`actor_id = ${person}`])];
  return [asSubject, [`actor_id = ${person}`, 'actor_id IS DISTINCT FROM subject_id']];
};

/** `after`, `before`: ids, in the order newest first; `backwards`: from the oldest on. */
export type FactsWindow = { after: string | null; before: string | null; backwards: boolean; limit: number };
/** The SQL of a window of what is visible. */
const windowQuery = (visible: Visible, now: Date, window: FactsWindow) => {
  const values: unknown[] = [];
  const conditions = [...conditionsOf(visible, values), ...retainedOf(visible, now, values)];
  const filtered = conditions.length > 0;
  if (window.after) conditions.push(`id < $${values.push(window.after)}`);
  if (window.before) conditions.push(`id > $${values.push(window.before)}`);
  const tail = `ORDER BY id ${window.backwards ? 'ASC' : 'DESC'} LIMIT $${values.push(window.limit)}::int`;
  const walk = (...more: string[]) =>
    `SELECT ${columns} FROM audit_events WHERE ${[...conditions, ...more].join(' AND ') || 'true'} ${tail}`;
  const text = legsOf(visible, values)
    .map((leg) => `(${walk(...leg)})`)
    .join(' UNION ALL ');
  return { text: `SELECT ${columns} FROM (${text}) AS facts ${tail}`, values, filtered };
};

export type Facts = ReturnType<typeof openFacts>;
export const openFacts = ({ database, clock }: { database: Database; clock: Clock }) => ({
  read: async (visible: Visible, window: FactsWindow): Promise<FactRow[]> => {
    const { text, values, filtered } = windowQuery(visible, clock.now(), window);
    // Filters make thousands of texts: those are planned for their values, and no connection keeps them.
    return database.run<FactRow>(filtered ? { name: '', text } : statement(text), values);
  },
  /** How many there are, counted no further than `most`. */
  count: (visible: Visible, most: number): Promise<number> => {
    const { text, values } = windowQuery(visible, clock.now(), { after: null, before: null, backwards: false, limit: most });
    return countTo(database, { text: `SELECT id FROM (${text}) AS those`, values }, most);
  },
});

export const listFacts =
  ({ facts, mayIn }: { facts: Facts; mayIn: MayIn }) =>
  async (caller: SignedInCaller, args: PageArgs & { filter?: FactFilter | null; personId?: string }): Promise<Page<FactRow>> => {
    const seen = visibleFacts(caller, args.filter, await mayReadIn(mayIn, caller, args.filter));
    // One person's facts; never more than the caller may see.
    const visible = args.personId && seen.personId === null ? { ...seen, personId: args.personId } : seen;
    const window = windowOf(args);
    return pageOf(window, await facts.read(visible, { ...window, limit: window.size + 1 }));
  };

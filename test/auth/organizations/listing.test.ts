/** Pages of members: who is found, and that a page costs the same however many members there are. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { estimate } from '../../../src/auth/counting.ts';
import { listMembers, type MemberFilter } from '../../../src/auth/organizations/members.ts';
import { inBatches, type Seen, watching } from '../../kit/plans.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let owner: SignedInPerson;
let orgId: string;
const organization = async (slug: string): Promise<string> =>
  (
    await world.sql<{ id: string }>(
      `INSERT INTO organizations (id, name, slug, created_at, updated_at) VALUES (uuidv7(), $1, $1, now(), now()) RETURNING id`,
      [slug],
    )
  )[0]!.id;
const join = (org: string, userId: string, role: string) =>
  world.sql(`INSERT INTO org_members (org_id, user_id, role_id, joined_at) SELECT $1, $2, id, now() FROM roles WHERE name = $3`, [
    org,
    userId,
    role,
  ]);
beforeAll(async () => {
  world = await openWorld();
  owner = await world.signedIn('zz.owner@example.com', { roles: ['superadmin'] });
  orgId = await organization('sons');
  await join(orgId, owner.id, 'owner');
});
afterAll(() => world?.close());

const list = async (args: string) => {
  const { data, errors } = await owner.client.ask(
    `{ orgMembers(orgId: "${orgId}"${args}) { totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { user { id } } } } }`,
  );
  if (errors) throw new Error(errors[0]!.extensions.code);
  const { orgMembers: page } = data;
  return { ...page, ids: page.edges.map((edge: { node: { user: { id: string } } }) => edge.node.user.id) as string[] };
};

describe('members', () => {
  it('are found by the beginning of an address, a username or a name, in this order, each once, and nobody who is none', async () => {
    const people = [await world.person('anna@example.com'), await world.person(), await world.person('annab@example.com')];
    const outside = await world.person('annac@example.com');
    await join(await organization('others'), outside.id, 'viewer');
    for (const { id } of people) await join(orgId, id, 'viewer');
    const [first, named, second] = people.map(({ id }) => id) as [string, string, string];
    await world.sql(`UPDATE users SET name = 'Anna Zebra' WHERE id = ANY($1)`, [[first, named]]);
    const found = [first, second, named];
    expect(await list(', filter: { search: " ANNA " }')).toMatchObject({ ids: found, totalCount: 3 });
    const pages: string[] = [];
    for (let after = ''; pages.length < 3; ) {
      const page = await list(`, first: 1, filter: { search: "anna" }${after}`);
      pages.push(...page.ids);
      after = `, after: "${page.pageInfo.endCursor}"`;
      expect(page.pageInfo.hasNextPage).toBe(pages.length < 3);
    }
    expect(pages).toEqual(found);
    expect((await list(`, last: 1, before: "${named}", filter: { search: "anna" }`)).ids).toEqual([second]);
    expect(await list(', filter: { search: "anna", role: "owner" }')).toMatchObject({ ids: [], totalCount: 0 });
    await expect(list(`, after: "${owner.id}", filter: { search: "anna" }`)).rejects.toThrow('BAD_REQUEST');
  });

  it('are found by a role that the organization made itself, and by none that is not there', async () => {
    const person = await world.person();
    const elsewhere = await organization('elsewhere');
    for (const [org, name] of [
      [orgId, 'clerk'],
      [elsewhere, 'clerk'],
      [elsewhere, 'guard'],
    ])
      await world.sql(`INSERT INTO roles (id, org_id, kind, name) VALUES (gen_random_uuid(), $1, 'organization', $2)`, [org, name]);
    await world.sql(
      `INSERT INTO org_members (org_id, user_id, role_id, joined_at) SELECT org_id, $1, id, now() FROM roles WHERE name IN ('clerk')`,
      [person.id],
    );
    expect(await list(', filter: { role: "clerk" }')).toMatchObject({ ids: [person.id], totalCount: 1 });
    expect(await list(', filter: { role: "guard" }')).toMatchObject({ ids: [], totalCount: 0 });
    expect(await list(', filter: { role: "superadmin" }')).toMatchObject({ ids: [], totalCount: 0 });
  });
});

describe('of 100,000 members', () => {
  type Args = Parameters<ReturnType<typeof listMembers>>[2];
  let client: pg.Client;
  let crowd: string;
  const middle = async () => (await client.query(`SELECT id FROM users WHERE email_key LIKE 'm5%' ORDER BY id LIMIT 1`)).rows[0].id;
  const look = async (args: Args, counted = false): Promise<Seen & { length: number; total: number }> => {
    const { database, seen } = watching(client);
    const page = await listMembers({ database, may: { enter: async () => true, holds: async () => true } as never })(
      {} as never,
      crowd,
      args,
    );
    return { length: page!.edges.length, total: counted ? await page!.totalCount() : 0, ...seen };
  };

  beforeAll(async () => {
    crowd = await organization('crowd');
    client = new pg.Client({ connectionString: world.databaseUrl });
    await client.connect();
    await inBatches(1, 100_000, (first, last) =>
      client.query(
        `WITH crowd AS (INSERT INTO users (id, email, email_key, username, username_key, name, status, created_at, updated_at)
           SELECT uuidv7(), 'm' || n || '@example.com', 'm' || n || '@example.com', 'u' || n, 'u' || n, 'N' || n, 'ACTIVE', now(), now()
           FROM generate_series($2::int, $3::int) AS n RETURNING id, email_key)
         INSERT INTO org_members (org_id, user_id, role_id, joined_at) SELECT $1, u.id, r.id, now()
         FROM crowd u JOIN roles r ON r.kind = 'organization' AND r.name = CASE WHEN u.email_key LIKE 'm77%' THEN 'trader' ELSE 'viewer' END`,
        [crowd, first, last],
      ),
    );
    await client.query('VACUUM ANALYZE');
  }, 60_000);
  afterAll(() => client?.end());

  it.each([
    ['the first page', () => ({}), 25],
    ['a page in the middle', (after) => ({ after }), 25],
    ['the last page', () => ({ last: 25 }), 25],
    ['a page of a role that many hold', () => ({ filter: { role: 'viewer' } }), 25],
    ['a page of a role that few hold', () => ({ filter: { role: 'trader' } }), 25],
    ['a page of a role that nobody holds', () => ({ filter: { role: 'owner' } }), 0],
    ['a page of a frequent beginning', () => ({ filter: { search: 'm' } }), 25],
    ['a page of a frequent beginning in the middle', (after) => ({ after, filter: { search: 'm' } }), 25],
    ['a page of a rare beginning', () => ({ filter: { search: 'm7777' } }), 11],
    ['a page of nothing', () => ({ filter: { search: 'qqq' } }), 0],
  ] as [string, (middle: string) => Args, number][])('%s touches few blocks', async (_title, args, expected) => {
    const { blocks, length } = await look(args(await middle()));
    expect(length).toBe(expected);
    expect(blocks).toBeLessThan(300);
  });

  it.each([
    ['all', {}, 100_000],
    ['a frequent role', { role: 'viewer' }, 98_889],
    ['a frequent beginning', { search: 'm' }, 100_000],
  ] as [string, MemberFilter, number][])('the count of %s looks at few rows, and is near', async (_title, filter, about) => {
    const { rows, total } = await look({ filter }, true);
    expect(rows).toBeLessThan(11_000);
    expect(Math.abs(total / about - 1)).toBeLessThan(0.1);
  });

  // A hundred samples of a column, PostgreSQL's usual number, took this beginning for a thousand users in one of eight analyses, and read all members.
  it('the count of a rare beginning looks at few rows, and is exact, whichever users PostgreSQL sampled', async () => {
    for (let analysis = 0; analysis < 5; analysis += 1) {
      await client.query('ANALYZE users');
      const { rows, total } = await look({ filter: { search: 'm777' } }, true);
      expect(rows).toBeLessThan(1_000);
      expect(total).toBe(111);
    }
  });

  it.each(['u.email_key', 'u.username_key', 'lower(u.name)'])('%s: PostgreSQL knows how rare a beginning is', async (key) => {
    const text = `SELECT 1 FROM users u WHERE u.status <> 'DELETED' AND ${key} LIKE $1`;
    const expected = (prefix: string) => estimate(watching(client).database, { text, values: [prefix] }, -1);
    expect(await expected('zzz%')).toBeLessThan(300);
    expect(await expected(`${key === 'u.email_key' ? 'm' : key === 'lower(u.name)' ? 'n' : 'u'}5%`)).toBeGreaterThan(5_000);
  });
});

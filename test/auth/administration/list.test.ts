/** Pages of users: who is found and in which order, and that a page costs the same however many users there are. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ListUsersArgs, listUsers, type UserFilter } from '../../../src/auth/administration/list-users.ts';
import { admin } from '../../kit/administration.ts';
import { found, member } from '../../kit/organizations.ts';
import { inBatches, type Seen, watching } from '../../kit/plans.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World & { databaseUrl: string };
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  boss = await world.signedIn('zz.boss@example.com', { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const list = async (args: string) => {
  const { data, errors } = await boss.client.ask(
    `{ users${args} { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id email roles { role { name } } } } } }`,
  );
  if (errors) throw new Error(errors[0]!.extensions.code);
  return { ...data.users, ids: data.users.edges.map((edge: { node: { id: string } }) => edge.node.id) as string[] };
};

/** An organization of these people. */
const organization = async (...userIds: string[]): Promise<string> => {
  const [made] = await world.sql<{ id: string }>(
    `INSERT INTO organizations (id, name, slug, created_at, updated_at) SELECT uuidv7(), 'Sons', 'of-' || $1, now(), now() RETURNING id`,
    [userIds[0]],
  );
  await world.sql(
    `INSERT INTO org_members (org_id, user_id, role_id, joined_at) SELECT $1, unnest($2::uuid[]), id, now() FROM roles WHERE name = 'viewer'`,
    [made!.id, userIds],
  );
  return made!.id;
};

describe('users', () => {
  it('come newest first, without the deleted, by pages in both directions, with a count', async () => {
    const made = [boss.id];
    for (let n = 0; n < 5; n += 1) made.unshift((await world.person()).id);
    const { id } = await world.person();
    await admin(boss.client, 'deleteUser', { userId: id });
    const first = await list('(first: 4)');
    expect(first).toMatchObject({ ids: made.slice(0, 4), totalCount: 6, pageInfo: { hasNextPage: true, hasPreviousPage: false } });
    expect((await list(`(first: 4, after: "${first.pageInfo.endCursor}")`)).ids).toEqual(made.slice(4));
    expect((await list('(last: 2)')).ids).toEqual(made.slice(4));
    expect((await list(`(last: 2, before: "${made[4]}")`)).ids).toEqual(made.slice(2, 4));
  });

  it('are found by the beginning of an address, a username or a name, each once, page by page', async () => {
    const people = [
      await world.person('anna@example.com'),
      await world.person('anna_b@example.com'),
      await world.person(),
      await world.person(),
    ];
    await world.sql(`UPDATE users SET name = 'Anna Zebra' WHERE id = ANY($1)`, [[people[0]!.id, people[3]!.id]]);
    await world.sql(`UPDATE users SET username = 'ANNAlise', username_key = 'annalise' WHERE id = $1`, [people[2]!.id]);
    const ids = people.map(({ id }) => id);
    expect(await list('(filter: { search: " ANNA " })')).toMatchObject({ ids, totalCount: 4 });
    const pages: string[] = [];
    for (let after = ''; pages.length < 4; ) {
      const page = await list(`(first: 1, filter: { search: "anna" }${after})`);
      pages.push(...page.ids);
      after = `, after: "${page.pageInfo.endCursor}"`;
      expect(page.pageInfo.hasNextPage).toBe(pages.length < 4);
    }
    expect(pages).toEqual(ids);
    expect((await list('(last: 2, filter: { search: "anna" })')).ids).toEqual(ids.slice(2));
    expect((await list(`(last: 2, before: "${ids[3]}", filter: { search: "anna" })`)).ids).toEqual(ids.slice(1, 3));
    // What would be a pattern is a text.
    expect((await list('(filter: { search: "anna_" })')).ids).toEqual([ids[1]]);
    expect((await list('(filter: { search: "%" })')).ids).toEqual([]);
  });

  it('are filtered by status, role, time and organization', async () => {
    const away = await world.person(undefined, { status: 'DEACTIVATED' });
    const helper = await world.person(undefined, { roles: ['support'] });
    expect((await list('(filter: { status: DEACTIVATED })')).ids).toEqual([away.id]);
    expect(await list('(filter: { role: "support" })')).toMatchObject({ ids: [helper.id], totalCount: 1 });
    expect((await list('(filter: { role: "superadmin", search: "zz" })')).ids).toEqual([boss.id]);
    expect((await list('(filter: { createdAfter: "2999-01-01T00:00:00Z" })')).ids).toEqual([]);
    expect(await list('(filter: { role: "nosuch" })')).toMatchObject({ ids: [], totalCount: 0 });
    // No role of the platform.
    expect((await list('(filter: { role: "viewer" })')).ids).toEqual([]);
    const orgId = await organization(away.id, boss.id);
    await organization(helper.id);
    expect(await list(`(filter: { orgId: "${orgId}" })`)).toMatchObject({ ids: [away.id, boss.id], totalCount: 2 });
    expect((await list(`(first: 1, after: "${away.id}", filter: { orgId: "${orgId}" })`)).ids).toEqual([boss.id]);
    // The role is the one there.
    expect((await list(`(filter: { orgId: "${orgId}", role: "superadmin" })`)).ids).toEqual([]);
    expect((await list(`(filter: { orgId: "${orgId}", role: "viewer" })`)).ids).toEqual([away.id, boss.id]);
    expect(await list(`(filter: { orgId: "${orgId}", search: "zz" })`)).toMatchObject({ ids: [boss.id], totalCount: 1 });
    expect(await list(`(filter: { orgId: "${away.id}" })`)).toMatchObject({ ids: [], totalCount: 0 });
    await expect(list('(filter: { orgId: "none" })')).rejects.toThrow('BAD_REQUEST');
    await expect(list('(first: 101)')).rejects.toThrow('BAD_REQUEST');
  });
});

describe('users of an organization', () => {
  it('are its members, by the role they have there, with a search, by pages and with a count', async () => {
    const owner = await world.signedIn('members.owner@example.com');
    const orgId = await found(owner);
    const [one, two] = [await member(world, owner, orgId, 'trader'), await member(world, owner, orgId, 'viewer')];
    const stranger = await world.signedIn('members.stranger@example.com');
    await found(stranger);
    const of = (more: string, args = '') => list(`(${args} filter: { orgId: "${orgId.toUpperCase()}" ${more} })`);
    expect(await of('')).toMatchObject({ ids: [two.id, one.id, owner.id], totalCount: 3 });
    expect(await of('role: "trader"')).toMatchObject({ ids: [one.id], totalCount: 1 });
    expect(await of('role: "support"')).toMatchObject({ ids: [], totalCount: 0 });
    expect(await of('search: "members"')).toMatchObject({ ids: [owner.id], totalCount: 1 });
    expect((await of('', `first: 1, after: "${two.id}"`)).ids).toEqual([one.id]);
    expect((await of('', 'last: 1')).ids).toEqual([owner.id]);
  });
});

describe('of 100,000 users', () => {
  const reads: [string, (middle: string) => ListUsersArgs][] = [
    ['the first page', () => ({ first: 25 })],
    ['a page in the middle', (after) => ({ first: 25, after })],
    ['the last page', () => ({ last: 25 })],
    ['a page of a frequent beginning', () => ({ first: 25, filter: { search: 'm' } })],
    ['a page of a frequent beginning in the middle', (after) => ({ first: 25, after, filter: { search: 'm' } })],
    ['a page of a rare beginning', () => ({ first: 25, filter: { search: 'm77' } })],
    ['a page of nothing', () => ({ first: 25, filter: { search: 'qqq' } })],
    ['a page of a rare status', () => ({ first: 25, filter: { status: 'PENDING_VERIFICATION' } })],
    ['a page of a role', () => ({ first: 25, filter: { role: 'support' } })],
  ];
  const small = new Map<string, number>();
  let client: pg.Client;
  const grow = async (from: number, to: number) => {
    await inBatches(from, to, (first, last) =>
      client.query(
        `INSERT INTO users (id, email, email_key, username, username_key, name, status, created_at, updated_at)
       SELECT (left(uuid_floor(now() - ($3::int - n) * interval '1 second')::text, 14) || '7' || right(md5(n::text), 3) || '-8' || substr(md5(n::text), 1, 3) || '-' || substr(md5(n::text), 4, 12))::uuid,
         'm' || n || '@example.com', 'm' || n || '@example.com', 'u' || n, 'u' || n, 'N' || n,
         (CASE WHEN n % 500 = 0 THEN 'PENDING_VERIFICATION' ELSE 'ACTIVE' END)::user_status, now(), now() FROM generate_series($1::int, $2::int) AS n`,
        [first, last, to],
      ),
    );
    await client.query('VACUUM ANALYZE users');
  };
  const look = async (args: ListUsersArgs, counted = false): Promise<Seen & { total: number }> => {
    const { database, seen } = watching(client);
    const page = await listUsers({ database })({} as never, args);
    return { total: counted ? await page.total() : 0, ...seen };
  };
  const middle = async () => (await client.query(`SELECT id FROM users WHERE email_key LIKE 'm5%' ORDER BY id LIMIT 1`)).rows[0].id;

  beforeAll(async () => {
    client = new pg.Client({ connectionString: world.databaseUrl });
    await client.connect();
    await grow(1, 1000);
    for (const [title, args] of reads) small.set(title, (await look(args(await middle()))).blocks);
    await grow(1001, 100_000);
  }, 60_000);
  afterAll(() => client?.end());

  it.each(reads)('%s touches few blocks', async (title, args) => {
    const { blocks } = await look(args(await middle()));
    expect(blocks, `${small.get(title)} at 1,000`).toBeLessThan(300);
  });

  it.each([
    ['all', {}, 100_000],
    ['a frequent status', { status: 'ACTIVE' }, 99_800],
    ['a frequent beginning', { search: 'm' }, 100_000],
  ] as [string, UserFilter, number][])('the count of %s looks at few rows, and is near', async (_title, filter, about) => {
    const { rows, total } = await look({ filter }, true);
    expect(rows).toBeLessThan(11_000);
    expect(Math.abs(total / about - 1)).toBeLessThan(0.1);
  });

  it.each([
    ['a rare status', { status: 'PENDING_VERIFICATION' }, 200],
    ['a rare beginning', { search: 'm777' }, 111],
  ] as [string, UserFilter, number][])('the count of %s looks at few rows, and is exact', async (_title, filter, exactly) => {
    const { rows, total } = await look({ filter }, true);
    expect(rows).toBeLessThan(1_000);
    expect(total).toBe(exactly);
  });

  it('reading them all is much: the measure measures', async () => {
    const { database, seen } = watching(client);
    await database.run({ name: '', text: 'SELECT count(phone) FROM users' });
    expect(seen.blocks).toBeGreaterThan(1_500);
    expect(seen.rows).toBeGreaterThan(100_000);
  });
});

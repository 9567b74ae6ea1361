/** Exports of the log: what its owner may read there, whole, in three formats. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countFacts } from '../../kit/administration.ts';
import { exportEvents, fetchFrom, ready, stateOf } from '../../kit/exports.ts';
import { factsAbout, write } from '../../kit/following.ts';
import { found, member } from '../../kit/organizations.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let auditor: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  auditor = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

type Row = Record<string, unknown> & { id: string; type: string };
const rowsOf = async (person: SignedInPerson, filter: object | null = null): Promise<Row[]> => {
  const { id } = await exportEvents(person.client, { format: 'NDJSON', filter });
  const { downloadUrl } = await ready(person.client, id);
  const text = await (await fetchFrom(world, downloadUrl)).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
};
const about = async (userId: string): Promise<string[]> =>
  (await world.sql<Row>('SELECT id FROM audit_events WHERE subject_id = $1 OR actor_id = $1 ORDER BY id DESC', [userId])).map(
    ({ id }) => id,
  );
/** RFC 4180, as a reader takes it apart. */
const cells = (text: string): string[][] =>
  [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)].reduce<string[][]>(
    (lines, [, quoted, bare, end]) => {
      lines.at(-1)?.push(quoted === undefined ? (bare as string) : quoted.replaceAll('""', '"'));
      if (end === '\r\n') lines.push([]);
      return lines;
    },
    [[]],
  );

describe('an export of the log', () => {
  it('has what a user is actor or subject of, newest first, as it was when it was asked for', async () => {
    const person = await world.signedIn();
    await write(world, factsAbout(world, person.id, 3));
    const before = await about(person.id);
    const made = await exportEvents(person.client, { format: 'JSON' });
    expect(made).toMatchObject({ __typename: 'AuditExport', format: 'JSON', downloadUrl: null, rows: 0, progress: 0 });
    const state = await ready(person.client, made.id);
    expect(state).toMatchObject({ id: made.id, rows: before.length, progress: 1, createdAt: made.createdAt });
    expect(Date.parse(state.expiresAt) - Date.parse(state.createdAt)).toBe(86_400_000);
    const response = await fetchFrom(world, state.downloadUrl);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="audit-\d{4}-\d\d-\d\d\.json"$/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const told = (await response.json()) as Row[];
    expect(told.map(({ id }) => id)).toEqual(before);
    const login = told.find(({ type }) => type === 'user.login');
    expect(login).toMatchObject({
      actorId: person.id,
      subjectId: person.id,
      outcome: 'SUCCESS',
      ipAddress: '127.0.0.1',
      data: { amr: ['pwd'] },
    });
  });

  it('of thousands is written in parts, each fact once, and tells how far it is', async () => {
    const person = await world.person();
    await write(world, factsAbout(world, person.id, 2_500));
    const rows = await rowsOf(auditor, { subjectId: person.id });
    expect(rows.map(({ id }) => id)).toEqual(await about(person.id));
    const [{ parts }] = (await world.sql('SELECT parts FROM exports ORDER BY id DESC LIMIT 1')) as [{ parts: number }];
    expect(parts).toBe(3);
  });

  it.each([0, 1_000])('of %i facts is whole in each format', async (count) => {
    const person = await world.person();
    if (count > 0) await write(world, factsAbout(world, person.id, count));
    const filter = { subjectId: person.id };
    const text = async (format: string) => {
      const { id } = await exportEvents(auditor.client, { format, filter });
      return (await fetchFrom(world, (await ready(auditor.client, id)).downloadUrl)).text();
    };
    const ids = await about(person.id);
    expect(JSON.parse(await text('JSON')).map(({ id }: Row) => id)).toEqual(ids);
    expect((await text('NDJSON')).split('\n').filter(Boolean)).toHaveLength(count);
    const [head, ...lines] = cells(await text('CSV'));
    expect(head?.slice(0, 3)).toEqual(['id', 'type', 'occurredAt']);
    expect(lines.slice(0, -1).map(([id]) => id)).toEqual(ids);
  });

  it('keeps a spreadsheet from taking what a stranger wrote for a formula', async () => {
    const person = await world.person();
    const [plain] = factsAbout(world, person.id, 1);
    await write(world, [{ ...plain!, user_agent: '=HYPERLINK("http://evil.example","x")', resource: 'a,"b"\r\nc' }]);
    const { id } = await exportEvents(auditor.client, { format: 'CSV', filter: { subjectId: person.id } });
    const [head, line] = cells(await (await fetchFrom(world, (await ready(auditor.client, id)).downloadUrl)).text());
    const cell = (name: string) => line?.[head?.indexOf(name) ?? -1];
    expect(cell('userAgent')).toBe(`'=HYPERLINK("http://evil.example","x")`);
    expect(cell('resource')).toBe('a,"b"\r\nc');
    expect(JSON.parse(cell('data') as string)).toEqual({ fields: [] });
  });

  it('has of an organization its own facts alone for who reads them there, and without addresses of others', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const admin = await member(world, owner, orgId, 'admin');
    const other = await found(await world.signedIn());
    const rows = await rowsOf(admin, { orgId });
    expect(rows.length).toBeGreaterThan(1);
    expect(new Set(rows.map(({ organizationId }) => organizationId))).toEqual(new Set([orgId]));
    expect(rows.filter(({ actorId }) => actorId === owner.id).map(({ ipAddress }) => ipAddress)).toContain(null);
    expect(rows.some(({ actorId, ipAddress }) => actorId === owner.id && ipAddress !== null)).toBe(false);
    expect((await rowsOf(auditor, { orgId })).some(({ ipAddress }) => ipAddress !== null)).toBe(true);
    // Who reads the organization's facts sees who took a copy of them.
    const { data } = await owner.client.ask(
      `{ auditEvents(filter: { orgId: "${orgId}", types: ["export.requested"] }) { edges { node { type actor { id } } } } }`,
    );
    expect(
      data.auditEvents.edges.map(({ node }: { node: { type: string; actor: { id: string } } }) => [node.type, node.actor.id]),
    ).toContainEqual(['export.requested', admin.id]);
    const [before, facts] = [await world.sql('SELECT id FROM exports ORDER BY id'), await countFacts(world)];
    expect(await exportEvents(admin.client, { format: 'JSON', filter: { orgId: other } })).toEqual({ __typename: 'FORBIDDEN' });
    expect(await exportEvents(admin.client, { format: 'JSON', filter: { subjectId: 'x' } })).toEqual({ __typename: 'BAD_REQUEST' });
    expect([await world.sql('SELECT id FROM exports ORDER BY id'), await countFacts(world)]).toEqual([before, facts]);
  });

  it('of more than 100,000 facts is refused, and nothing made', async () => {
    const person = await world.person();
    for (let thousands = 0; thousands < 100; thousands += 20)
      await world.sql(
        `INSERT INTO audit_events (id, type, occurred_at, outcome, subject_id)
         SELECT uuidv7(), 'user.updated', now(), 'SUCCESS', $1 FROM generate_series(1, 20000)`,
        [person.id],
      );
    const wanted = { format: 'NDJSON', filter: { subjectId: person.id, to: new Date(Date.now() + 3_600_000).toISOString() } };
    const id = (await exportEvents(auditor.client, wanted)).id;
    expect(await stateOf(auditor.client, id)).toMatchObject({ __typename: 'AuditExport' });
    await write(world, factsAbout(world, person.id, 1));
    world.clock.move(1);
    const before = await world.sql('SELECT id FROM exports ORDER BY id');
    expect(await exportEvents(auditor.client, wanted)).toMatchObject({
      __typename: 'ExportTooLarge',
      code: 'EXPORT_TOO_LARGE',
      limit: 100_000,
    });
    expect(await world.sql('SELECT id FROM exports ORDER BY id')).toEqual(before);
    await world.sql(`DELETE FROM exports WHERE id = $1`, [id]);
  });
});

describe('whoever asks for exports', () => {
  it('is told to wait after as many as RATE_LIMIT_EXPORT allows', async () => {
    const strict = await openWorld({ RATE_LIMIT_EXPORT: '2/3600s' });
    try {
      const person = await strict.signedIn();
      const kinds = [];
      for (let n = 0; n < 3; n += 1) kinds.push((await exportEvents(person.client, { format: 'CSV' })).__typename);
      expect(kinds).toEqual(['AuditExport', 'AuditExport', 'TooManyAttempts']);
      expect(await strict.sql('SELECT id FROM exports ORDER BY id')).toHaveLength(2);
    } finally {
      await strict.close();
    }
  });

  it('is not shown those of others', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const { id } = await exportEvents(person.client, { format: 'CSV' });
    expect(await stateOf(other.client, id)).toEqual({ __typename: null });
    expect(await stateOf(auditor.client, id)).toEqual({ __typename: null });
    expect(await stateOf(person.client, person.id)).toEqual({ __typename: null });
  });
});

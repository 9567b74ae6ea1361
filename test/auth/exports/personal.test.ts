/** Everything held about a person, for that person alone. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftOut, sections } from '../../../src/auth/exports/personal.ts';
import { admin, countFacts, factOf } from '../../kit/administration.ts';
import { exportEvents, exportMine, fetchFrom, ready, stateOf } from '../../kit/exports.ts';
import { found, member } from '../../kit/organizations.ts';
import { keyMutation } from '../../kit/services.ts';
import { openWorld, password, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const copyOf = async (person: SignedInPerson) => {
  const { id } = await exportMine(person.client);
  const { downloadUrl } = await ready(person.client, id);
  return (await fetchFrom(world, downloadUrl)).json();
};
const makeKey = async (person: SignedInPerson, permissions: string[] = []): Promise<string> =>
  (await person.client.ask(keyMutation, { input: { name: 'Backup', permissions } })).data.createApiKey.key;

describe('a copy of somebody’s data', () => {
  it('is told of every table that holds something of a person, or the table is named with why it is left out', () => {
    const models = fileURLToPath(new URL('../../../prisma/models', import.meta.url));
    const texts = readdirSync(models).map((name) => readFileSync(join(models, name), 'utf8'));
    const personal = texts
      .flatMap((text) => [...text.matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)].map(([, body = '']) => body))
      .filter((body) => /@map\("(user_id|owner_id)"\)|@map\("email_key"\)/.test(body))
      .map((body) => /@@map\("(\w+)"\)/.exec(body)?.[1] as string);
    expect(personal.length).toBeGreaterThan(15);
    expect(personal.filter((table) => !(table in sections) && !(table in leftOut))).toEqual([]);
    expect(Object.keys(leftOut).filter((table) => table in sections)).toEqual([]);
  });

  it('has what the house keeps of him in each of its rooms, and his facts, and nothing of anybody else', async () => {
    const person = await world.signedIn();
    await person.client.ask('mutation { updateProfile(input: { name: "Ada L.", timezone: "Asia/Kolkata" }) { __typename } }');
    const orgId = await found(person, 'Sons');
    const other = await member(world, person, orgId, 'viewer');
    await makeKey(person);
    const copy = await copyOf(person);
    expect(copy).toMatchObject({
      exportedAt: expect.any(String),
      users: [{ id: person.id, email: person.email, name: 'Ada L.', timezone: 'Asia/Kolkata', status: 'ACTIVE' }],
      passwords: [{ changedAt: expect.any(String) }],
      sessions: [{ id: person.sessionId, ipAddress: '127.0.0.1', browser: 'Firefox 140' }],
      orgMembers: [{ organizationId: orgId, organization: 'Sons', role: 'owner' }],
      apiKeys: [{ name: 'Backup' }],
      exports: [{ kind: 'PERSONAL' }],
    });
    expect(Object.keys(copy)).toHaveLength(Object.keys(sections).length + 2);
    const facts = await world.sql<{ id: string }>(
      `SELECT id FROM audit_events WHERE (subject_id = $1 OR actor_id = $1) AND type NOT LIKE 'export.%' ORDER BY id DESC`,
      [person.id],
    );
    expect(copy.events.map(({ id }: { id: string }) => id)).toEqual(facts.map(({ id }) => id));
    // The facts name whom he acted on by the pseudonym alone.
    expect(JSON.stringify(copy)).not.toContain(other.email);
  });

  it('has no secret in it, nor what is made of one', async () => {
    const person = await world.signedIn();
    const key = await makeKey(person);
    const text = JSON.stringify(await copyOf(person));
    const [{ hash }] = (await world.sql('SELECT hash FROM passwords WHERE user_id = $1', [person.id])) as [{ hash: string }];
    for (const secret of [password, hash, key, key.split('_')[2] as string, person.refreshToken, person.accessToken])
      expect(text).not.toContain(secret);
    expect(text).not.toMatch(/\$argon2|"(hash|salt|sealed|secret)/i);
  });

  it('is for him alone: told by mail, written down, and shown in the session that asked for it', async () => {
    const person = await world.signedIn();
    const made = await exportMine(person.client);
    expect(made).toMatchObject({ __typename: 'AuditExport', format: 'JSON' });
    expect(Date.parse(made.expiresAt) - Date.parse(made.createdAt)).toBe(3_600_000);
    await ready(person.client, made.id);
    const elsewhere = await world.signIn(person);
    expect(await stateOf(elsewhere.client, made.id)).toEqual({ __typename: null });
    expect(await stateOf(boss.client, made.id)).toEqual({ __typename: null });
    const letter = await world.mail(person.email, 0);
    expect(letter.subject).toBe('A copy of your data was asked for');
    expect(letter.text).not.toContain('/export?');
    expect(await factOf(world, 'export.requested', person.id)).toMatchObject({
      actor_id: person.id,
      data: { export: made.id, kind: 'PERSONAL', format: 'JSON' },
    });
  });

  it('asks for a fresh authentication, and is not for a key, nor for whoever acts as him; nothing is made', async () => {
    const person = await world.signedIn();
    const key = world.anonymous.as(await makeKey(person));
    const { accessToken } = await admin(boss.client, 'impersonate', { userId: person.id, reason: 'ticket 4711' });
    const acting = world.anonymous.as(accessToken);
    const own = await exportEvents(person.client, { format: 'CSV' });
    const [before, facts] = [await world.sql('SELECT id FROM exports ORDER BY id'), await countFacts(world)];
    for (const client of [key, acting]) {
      expect(['FORBIDDEN', 'STEP_UP_REQUIRED']).toContain((await exportMine(client)).__typename);
      expect((await exportEvents(client, { format: 'CSV' })).__typename).toBe('FORBIDDEN');
      expect((await stateOf(client, own.id)).__typename).toBe('FORBIDDEN');
    }
    world.clock.move(301);
    expect((await exportMine(person.client)).__typename).toBe('STEP_UP_REQUIRED');
    expect([await world.sql('SELECT id FROM exports ORDER BY id'), await countFacts(world)]).toEqual([before, facts]);
  });

  it('is had also by whom the log knows well: the limit on exports of the log is none of his', { timeout: 60_000 }, async () => {
    const person = await world.signedIn();
    await world.sql(
      `INSERT INTO audit_events (id, type, occurred_at, outcome, subject_id)
       SELECT uuidv7(), 'session.refreshed', now(), 'SUCCESS', $1 FROM generate_series(1, 100001)`,
      [person.id],
    );
    const made = await exportMine(person.client);
    expect(made.__typename).toBe('AuditExport');
    await world.sql('DELETE FROM exports WHERE id = $1', [made.id]);
  });

  it('goes with him when he is erased', async () => {
    const person = await world.signedIn();
    const { id } = await exportMine(person.client);
    const { downloadUrl } = await ready(person.client, id);
    const gone = await person.client.ask('mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { __typename } }', {
      input: { currentPassword: password },
    });
    expect(gone.data.deleteAccount.__typename).toBe('AccountDeleted');
    expect((await fetchFrom(world, downloadUrl)).status).toBe(404);
    expect(await world.sql('SELECT 1 FROM exports WHERE owner_id = $1', [person.id])).toEqual([]);
    expect(await world.sql('SELECT 1 FROM export_parts WHERE export_id = $1', [id])).toEqual([]);
  });
});

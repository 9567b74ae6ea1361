/** Links to exports: what opens without signing in, and for whom it stops opening. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, countFacts, factOf } from '../kit/administration.ts';
import { exportEvents, exportMine, fetchFrom, ready, stateOf } from '../kit/exports.ts';
import { keepLog } from '../kit/log.ts';
import { act, found, member } from '../kit/organizations.ts';
import { openWorld, type SignedInPerson } from '../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let boss: SignedInPerson;
const log = keepLog();
beforeAll(async () => {
  world = await openWorld({ LOG_LEVEL: 'error' }, { destination: log.destination });
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const linkOf = async (person: SignedInPerson, filter: object | null = null) => {
  const { id } = await exportEvents(person.client, { format: 'CSV', filter });
  const { downloadUrl } = await ready(person.client, id);
  return { id: id as string, downloadUrl: downloadUrl as string };
};
const statusOf = async (downloadUrl: string) => (await fetchFrom(world, downloadUrl)).status;

describe('a link to an export', () => {
  it('is guessed by nobody: neither another’s id nor another token opens anything, nor is it written down', async () => {
    const [one, other] = [await linkOf(await world.signedIn()), await linkOf(await world.signedIn())];
    const mac = new URL(one.downloadUrl).searchParams.get('token')?.split('.')[1] as string;
    expect(mac).toHaveLength(43);
    const before = await countFacts(world);
    const base = 'https://id.example.com/export';
    for (const url of [
      base,
      `${base}?token=`,
      `${base}?token=${one.id}`,
      `${base}?token=${one.id}.`,
      `${base}?token=${other.id}.${mac}`,
      `${base}?token=${one.id}.${mac.slice(0, -1)}${mac.endsWith('A') ? 'B' : 'A'}`,
      `${base}?token=${'x'.repeat(5_000)}`,
      `${base}?token=%00.${mac}`,
    ]) {
      const response = await fetchFrom(world, url);
      expect([url, response.status]).toEqual([url, 404]);
    }
    expect(await countFacts(world)).toBe(before);
    expect(await statusOf(one.downloadUrl)).toBe(200);
  });

  it('is written down each time it is fetched, with from where, and not when it is only asked about', async () => {
    const person = await world.signedIn();
    const { id, downloadUrl } = await linkOf(person);
    const head = await fetchFrom(world, downloadUrl, 'HEAD');
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(await factOf(world, 'export.downloaded', person.id)).toBeUndefined();
    const response = await fetchFrom(world, downloadUrl);
    expect(await response.text()).toMatch(/^id,type,/);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(await factOf(world, 'export.downloaded', person.id)).toMatchObject({
      actor_id: null,
      ip_address: '127.0.0.1',
      data: { export: id },
    });
    expect((await fetchFrom(world, downloadUrl, 'POST')).status).toBe(405);
  });

  it('opens nothing once it has expired, and what it opened is gone', async () => {
    const person = await world.signedIn();
    const { id, downloadUrl } = await linkOf(person);
    world.clock.move(86_400);
    expect(await statusOf(downloadUrl)).toBe(404);
    expect(await stateOf((await world.signIn(person)).client, id)).toMatchObject({ status: 'EXPIRED', downloadUrl: null });
    await world.house.auth.exports.sweep();
    expect(await world.sql('SELECT 1 FROM export_parts WHERE export_id = $1', [id])).toEqual([]);
    world.clock.move(31 * 86_400);
    await world.house.auth.exports.sweep();
    expect(await world.sql('SELECT 1 FROM exports WHERE id = $1', [id])).toEqual([]);
    boss = await world.signIn(boss);
  });

  it('opens nothing once its owner was deactivated, which ends his sessions', async () => {
    const person = await world.signedIn();
    const { downloadUrl } = await linkOf(person);
    await admin(boss.client, 'deactivateUser', { userId: person.id });
    expect(await statusOf(downloadUrl)).toBe(404);
    await admin(boss.client, 'activateUser', { userId: person.id });
    expect(await statusOf(downloadUrl)).toBe(404);
  });

  it('to everybody’s facts opens nothing once its owner may not read them, on the platform or in the organization', async () => {
    const auditor = await world.signedIn();
    const grant = await act(boss.client, 'grantPermission', { userId: auditor.id, permission: 'audit.read' });
    const ofAll = await linkOf(auditor, { subjectId: boss.id });
    const own = await linkOf(await world.signIn(await world.person()));
    await act(boss.client, 'revokePermission', { grantId: grant.id });
    expect(await statusOf(ofAll.downloadUrl)).toBe(404);
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const clerk = await member(world, owner, orgId, 'admin');
    const ofOrg = await linkOf(clerk, { orgId });
    expect(await statusOf(ofOrg.downloadUrl)).toBe(200);
    await act(owner.client, 'removeMember', { orgId, userId: clerk.id });
    expect(await statusOf(ofOrg.downloadUrl)).toBe(404);
    expect(await statusOf(own.downloadUrl)).toBe(200);
  });

  it('opens nothing once the session that asked for it was ended', async () => {
    const person = await world.signedIn();
    const audit = await linkOf(person);
    const { id } = await exportMine(person.client);
    const { downloadUrl } = await ready(person.client, id);
    expect([await statusOf(audit.downloadUrl), await statusOf(downloadUrl)]).toEqual([200, 200]);
    await person.client.ask('mutation { logout { __typename } }');
    expect([await statusOf(audit.downloadUrl), await statusOf(downloadUrl)]).toEqual([404, 404]);
  });

  it('is fetched thirty times in an hour and no more, since each is a fact and asks nobody who he is', async () => {
    const person = await world.signedIn();
    const { downloadUrl } = await linkOf(person);
    const before = await countFacts(world);
    const answers = await Promise.all(Array.from({ length: 35 }, () => fetchFrom(world, downloadUrl)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(30);
    expect(answers.find(({ status }) => status === 429)?.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await countFacts(world)) - before).toBe(30);
  });

  it('is cut off where a part does not open, and the operator is told', async () => {
    const person = await world.signedIn();
    const { id, downloadUrl } = await linkOf(person);
    await world.sql(
      'UPDATE export_parts SET sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1) WHERE export_id = $1',
      [id],
    );
    await expect(fetchFrom(world, downloadUrl).then((response) => response.text())).rejects.toThrow();
    expect(log.text()).toContain('an export broke off');
  });
});

describe('an export of the log', () => {
  it('has no session of others, also where its owner acted on nobody: neither an organization nor a user reads those', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const other = await member(world, owner, orgId, 'admin');
    expect((await act(other.client, 'updateOrganization', { orgId, name: 'Daughters' })).__typename).toBe('Organization');
    const text = await (await fetchFrom(world, (await linkOf(owner, { orgId })).downloadUrl)).text();
    expect(text).toContain('organization.updated');
    expect(text).toContain(owner.sessionId);
    expect(text).not.toContain(other.sessionId);
    const person = await world.signedIn();
    await admin(boss.client, 'adminUpdateUser', { userId: person.id, name: 'Yves' });
    const own = await (await fetchFrom(world, (await linkOf(person)).downloadUrl)).text();
    expect(own).toContain('user.updated');
    expect(own).not.toContain(boss.sessionId);
  });

  it('by a filter with half of a character is a BAD_REQUEST, as a page is', async () => {
    const person = await world.signedIn();
    for (const filter of [{ resource: '\ud800' }, { ipAddress: '\ud800' }])
      expect(await exportEvents(person.client, { format: 'CSV', filter })).toEqual({ __typename: 'BAD_REQUEST' });
  });
});

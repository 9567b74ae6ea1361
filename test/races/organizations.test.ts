/** Organizations on two real servers on one PostgreSQL: an invitation counts once, and what is taken away while it is used is gone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../kit/client.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { type Mailbox, openMailbox } from '../kit/mailbox.ts';
import { ask } from '../kit/mfa.ts';
import { act, found, member } from '../kit/organizations.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { openStream } from '../kit/stream.ts';
import { loginMutation, openWorld, password, type SignedInPerson, someEmail } from '../kit/world.ts';

const rounds = 50;
const few = 10;
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
let database: TestDatabase;
let world: Awaited<ReturnType<typeof openWorld>>;
let mailbox: Mailbox;
let servers: ServerProcess[] = [];
let owner: SignedInPerson;
const directory = mkdtempSync(join(tmpdir(), 'latchkey-organizations-'));
beforeAll(async () => {
  database = await freshDatabase();
  const keyFile = join(directory, 'master-keys.json');
  mailbox = await openMailbox();
  const own = { SMTP_URL: mailbox.url, DATABASE_URL: database.url, DATA_DIR: directory, KMS_MASTER_KEY_FILE: keyFile };
  servers = await Promise.all([startServer(own), startServer(own)]);
  world = await openWorld({ SMTP_URL: mailbox.url }, { databaseUrl: database.url, keyFile });
  owner = await world.signedIn();
}, 60_000);
afterAll(async () => {
  await world?.close();
  await Promise.all(servers.map((server) => server.kill()));
  await mailbox?.stop();
  await database?.drop();
  rmSync(directory, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
/** The one server and the other in turns, for whom the token is. */
const side = (n: number, accessToken?: string): Client => (accessToken ? servers[n % 2]!.client.as(accessToken) : servers[n % 2]!.client);
const tokenOf = async (email: string, nth = 0): Promise<string> => /token=([\w-]+)/.exec((await mailbox.mail(email, nth)).text)![1]!;
const invite = async (orgId: string, email: string): Promise<string> => {
  const mutation = 'mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { __typename ... on Invitation { id } } }';
  return ((await ask(owner.client, mutation, { orgId, email, role: 'trader' })) as Any).id;
};
const accept = async (client: Client, token: string): Promise<string> =>
  ((await ask(client, 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { __typename } }', { token })) as Any)
    .__typename;
const login = async (n: number, email: string): Promise<string> =>
  ((await ask(side(n), loginMutation, { email, password })) as Any).accessToken;
/** Memberships, and the facts of how they came to be. */
const joined = async (orgId: string, email: string) => {
  const [counts] = await world.sql(
    `SELECT (SELECT count(*)::int FROM org_members m WHERE m.org_id = $1 AND m.user_id = u.id) AS members,
      (SELECT count(*)::int FROM audit_events e WHERE e.org_id = $1 AND e.actor_id = u.id AND e.type = 'organization.invitation_accepted') AS accepted,
      (SELECT count(*)::int FROM audit_events e WHERE e.org_id = $1 AND e.subject_id = u.id AND e.type = 'organization.member_added') AS added
    FROM users u WHERE u.email_key = $2`,
    [orgId, email],
  );
  return counts;
};
const once = { members: 1, accepted: 1, added: 1 };

describe('one invitation', () => {
  it('accepted at once in two sessions of its user, at both servers, makes one member, in fifty rounds', async () => {
    const orgId = await found(owner);
    const people = await times(rounds, () => world.person());
    for (const { email } of people) await invite(orgId, email);
    for (const { email } of people) {
      const [token, sessions] = [await tokenOf(email), await times(2, (n) => login(n, email))];
      const kinds = await times(4, (n) => accept(side(n, sessions[n >> 1]), token));
      expect(kinds.toSorted()).toEqual(['OrgMember', 'TokenInvalid', 'TokenInvalid', 'TokenInvalid']);
      expect(await joined(orgId, email)).toEqual(once);
    }
  }, 60_000);

  it('of somebody new, who registers twice, and verifies and accepts twice at once, makes one account and one member', async () => {
    const orgId = await found(owner);
    const register = 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';
    const verify = 'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }';
    await times(few, async () => {
      const email = someEmail();
      await invite(orgId, email);
      const invitation = await tokenOf(email);
      for (const n of [0, 1]) await ask(side(n), register, { email, password });
      const token = await tokenOf(email, 1);
      const verified = await times(2, async (n) => ((await ask(side(n), verify, { token })) as Any).__typename);
      expect(verified.toSorted()).toEqual(['TokenInvalid', 'User']);
      const sessions = await times(2, (n) => login(n, email));
      const kinds = await times(2, (n) => accept(side(n, sessions[n]), invitation));
      expect(kinds.toSorted()).toEqual(['OrgMember', 'TokenInvalid']);
      expect(await joined(orgId, email)).toEqual(once);
    });
  }, 60_000);

  it('accepted while it is taken back, or while its user is added, is one or the other, in fifty rounds', async () => {
    const orgId = await found(owner);
    const people = await times(rounds, () => world.signedIn());
    const ids: string[] = [];
    for (const { email } of people) ids.push(await invite(orgId, email));
    for (const [n, { id, email, accessToken }] of people.entries()) {
      const token = await tokenOf(email);
      const other = () =>
        n % 2
          ? ask(side(n, owner.accessToken), `mutation { revokeInvitation(invitationId: "${ids[n]}") { __typename } }`, {})
          : act(side(n, owner.accessToken), 'addMember', { orgId, userId: id, role: 'viewer' });
      const [kind, answer] = await Promise.all([accept(side(n + 1, accessToken), token), other() as Promise<Any>]);
      const took = kind === 'OrgMember';
      expect([kind, answer.__typename]).toEqual(
        n % 2 ? (took ? [kind, 'NotFound'] : ['TokenInvalid', 'Deleted']) : took ? [kind, 'Conflict'] : ['Conflict', 'OrgMember'],
      );
      expect((await joined(orgId, email))?.['members']).toBe(took || n % 2 === 0 ? 1 : 0);
    }
  }, 60_000);
});

type Held = { person: SignedInPerson; take: (client: Client) => Promise<Any> };
let desks = 0;
const makeDesk = async (orgId: string): Promise<{ id: string; name: string }> =>
  act(owner.client, 'createRole', { orgId, name: `desk-${++desks}`, permissions: ['org.read', 'audit.read'] });
/** How somebody comes to read an organization's log, and how that is taken away. */
const ways: [string, number, (orgId: string) => Promise<Held>][] = [
  [
    'a grant that is taken back',
    rounds,
    async (orgId) => {
      const person = await member(world, owner, orgId, 'viewer');
      const { id } = await act(owner.client, 'grantPermission', { orgId, userId: person.id, permission: 'audit.read' });
      return { person, take: (client) => act(client, 'revokePermission', { grantId: id }) };
    },
  ],
  [
    'a role that is changed',
    rounds,
    async (orgId) => {
      const desk = await makeDesk(orgId);
      const person = await member(world, owner, orgId, desk.name);
      return { person, take: (client) => act(client, 'updateRole', { roleId: desk.id, permissions: ['org.read'] }) };
    },
  ],
  [
    'a further role that is taken back',
    few,
    async (orgId) => {
      const [desk, person] = [await makeDesk(orgId), await member(world, owner, orgId, 'viewer')];
      await act(owner.client, 'assignRole', { orgId, userId: person.id, role: desk.name });
      return { person, take: (client) => act(client, 'unassignRole', { orgId, userId: person.id, role: desk.name }) };
    },
  ],
  [
    'a membership whose role is lowered',
    few,
    async (orgId) => {
      const person = await member(world, owner, orgId, 'admin');
      return { person, take: (client) => act(client, 'updateMemberRole', { orgId, userId: person.id, role: 'viewer' }) };
    },
  ],
  [
    'a membership that ends',
    few,
    async (orgId) => {
      const person = await member(world, owner, orgId, 'admin');
      return { person, take: (client) => act(client, 'removeMember', { orgId, userId: person.id }) };
    },
  ],
];

// Two or three ways at a time: each has an organization and people of its own, and most of a round is waiting.
describe.each([[ways.slice(0, 2)], [ways.slice(2)]])('while its holder asks at both servers and listens at one of them', (together) => {
  it.concurrent.each(together)(
    '%s opens nothing any more: at once where it was done, within a second at the other (%i times)',
    async (_way, count, make) => {
      const orgId = await found(owner);
      for (let done = 0; done < count; done += few) {
        const held = await times(few, () => make(orgId));
        // What was heard of the giving is over: what ends a stream is the taking.
        await pause(800);
        await times(few, async (n) => {
          const { person, take } = held[n]!;
          const about = `(filter: { orgId: "${orgId}" })`;
          const stream = await openStream(side(n >> 1, person.accessToken), `subscription { auditEvents${about} { id } }`);
          expect(stream.refused).toBeNull();
          let takenAt = Number.POSITIVE_INFINITY;
          const heard: { at: number; where: number; code: string }[] = [];
          const asking = times(2, async (where) => {
            for (let at = Date.now(); at < takenAt + 1300; at = Date.now()) {
              const { errors } = await side(where, person.accessToken).ask(`{ auditEvents${about} { edges { cursor } } }`);
              heard.push({ at, where, code: errors?.[0]?.extensions.code ?? 'let in' });
              await pause(100);
            }
          });
          await pause(100 + 10 * n);
          const began = Date.now();
          const answer = await take(side(n, owner.accessToken));
          expect(answer.__typename).toMatch(/^(Deleted|Role|User|OrgMember|MemberRemoved)$/);
          takenAt = Date.now();
          const ended = await Promise.race([stream.ended.then(() => true), pause(1000, false)]);
          await asking;
          expect(ended).toBe(true);
          const codes = (those: typeof heard) => [...new Set(those.map(({ code }) => code))];
          expect(codes(heard.filter(({ at }) => at < began - 500))).not.toContain('FORBIDDEN');
          expect(codes(heard)).toContain('let in');
          expect(codes(heard.filter(({ at, where }) => where === n % 2 && at > takenAt))).toEqual(['FORBIDDEN']);
          expect(codes(heard.filter(({ at }) => at > takenAt + 1000))).toEqual(['FORBIDDEN']);
        });
      }
    },
    90_000,
  );
});

/** Which organization a session's tokens speak for: at the sign-in, at a refresh, with a key. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { verifyMutation, withTotp } from '../../kit/mfa.ts';
import { act, addMember, found, member } from '../../kit/organizations.ts';
import { keyMutation } from '../../kit/services.ts';
import { loginMutation, openWorld, password, refreshMutation, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
let owner: SignedInPerson;
let first: string;
let second: string;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  owner = await world.signedIn();
  [first, second] = [await found(owner, 'First'), await found(owner, 'Second')];
});
afterAll(() => world?.close());

const signIn = async (input: object) => (await world.anonymous.ask(loginMutation, { input: { password, ...input } })).data.login;
const refresh = async (input: object) => (await world.anonymous.ask(refreshMutation, { input })).data.refresh;
const orgOf = (token: string) => decodeJwt(token)['org'] ?? null;

describe('a sign-in', () => {
  it('speaks for the organization that was asked for, and says so in its facts', async () => {
    const { accessToken, session } = await signIn({ email: owner.email, orgId: second.toUpperCase() });
    expect(orgOf(accessToken)).toBe(second);
    expect(decodeJwt(accessToken)['scope']).toContain('org.own');
    const facts = await world.sql('SELECT type, org_id FROM audit_events WHERE session_id = $1 ORDER BY type', [session.id]);
    expect(facts).toEqual(['session.created', 'user.login'].map((type) => ({ type, org_id: second })));
  });

  it('speaks for the only organization of a user of one, and for none of a user of several', async () => {
    expect(orgOf((await signIn({ email: owner.email })).accessToken)).toBeNull();
    const trader = await member(world, owner, first, 'trader');
    expect(orgOf((await signIn({ email: trader.email })).accessToken)).toBe(first);
    await addMember(owner.client, { orgId: second, userId: trader.id, role: 'viewer' });
    expect(orgOf((await signIn({ email: trader.email })).accessToken)).toBeNull();
  });

  it('for an organization that is not the user’s is NotFound, with a right password alone, and opens nothing', async () => {
    const stranger = await world.signedIn();
    for (const orgId of [first, '01890000-0000-7000-8000-000000000000']) {
      const { answer, changed } = await watch(() => signIn({ email: stranger.email, orgId }));
      expect(answer.__typename).toBe('NotFound');
      expect(changed).toEqual({ ...nothing, facts: ['user.login_failed NotFound'] });
      expect((await signIn({ email: stranger.email, orgId, password: 'wrong horse battery' })).__typename).toBe('InvalidCredentials');
    }
    expect(await world.sql('SELECT 1 FROM lockouts WHERE pending > 0')).toEqual([]);
  });

  it('remembers the organization across the second factor', async () => {
    const person = await member(world, owner, first, 'trader');
    await addMember(owner.client, { orgId: second, userId: person.id, role: 'viewer' });
    const mfa = await withTotp(world, person);
    const login = await world.anonymous.ask(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on MfaRequired { challengeToken } } }',
      { input: { email: person.email, password, orgId: second } },
    );
    const { challengeToken } = login.data.login;
    const input = { challengeToken, type: 'BACKUP_CODE', code: mfa.backupCodes[0] };
    const { data } = await world.anonymous.ask(verifyMutation, { input });
    expect(orgOf(data.verifyMfa.accessToken)).toBe(second);
  });
});

describe('a refresh', () => {
  it('with an organization moves the session there, once, and keeps it there', async () => {
    const person = await world.signIn(owner);
    const moved = await refresh({ refreshToken: person.refreshToken, orgId: first });
    expect(orgOf(moved.accessToken)).toBe(first);
    const again = await refresh({ refreshToken: moved.refreshToken, orgId: first });
    expect(orgOf(again.accessToken)).toBe(first);
    expect(orgOf((await refresh({ refreshToken: again.refreshToken })).accessToken)).toBe(first);
    const facts = await world.sql(`SELECT org_id FROM audit_events WHERE session_id = $1 AND type = 'session.organization_changed'`, [
      person.sessionId,
    ]);
    expect(facts).toEqual([{ org_id: first }]);
  });

  it('for an organization that is not the user’s is NotFound and uses nothing up; with a forged token it is TokenInvalid', async () => {
    const stranger = await world.signedIn();
    const { answer, changed } = await watch(() => refresh({ refreshToken: stranger.refreshToken, orgId: first }));
    expect([answer.__typename, changed]).toEqual(['NotFound', nothing]);
    expect((await refresh({ refreshToken: stranger.refreshToken })).__typename).toBe('SignedIn');
    const forged = `${stranger.refreshToken.slice(0, -4)}AAAA`;
    expect((await refresh({ refreshToken: forged, orgId: first })).__typename).toBe('TokenInvalid');
  });
});

describe('an API key', () => {
  const made = async (permissions: string[]) => {
    const { data } = await owner.client.ask(keyMutation, { input: { name: 'bot', permissions } });
    return { ...owner, client: world.anonymous.as(data.createApiKey.key as string) };
  };
  const read = async ({ client }: Pick<SignedInPerson, 'client'>, orgId: string) =>
    (await client.ask('query ($orgId: ID!) { orgMembers(orgId: $orgId) { totalCount } }', { orgId })).errors?.[0]?.extensions.code ?? null;

  it('may in an organization what it names and its owner holds there, and nothing else, whatever its owner is', async () => {
    const viewer = await world.signedIn();
    const [none, reader] = [await made([]), await made(['org.read', 'org.members.read'])];
    const input = { orgId: first, userId: viewer.id, role: 'viewer' };
    const tried = async (client: SignedInPerson['client']) => (await act(client, 'addMember', input)).__typename;
    expect(await watch(() => tried(none.client))).toEqual({ answer: 'NotFound', changed: nothing });
    expect(await watch(() => tried(reader.client))).toEqual({ answer: 'FORBIDDEN', changed: nothing });
    expect([await read(none, first), await read(reader, first)]).toEqual(['FORBIDDEN', null]);
    const { data } = await none.client.ask(`{ organization(id: "${first}") { id } }`);
    expect(data.organization).toBeNull();
    const beyond = await owner.client.ask(keyMutation, { input: { name: 'bot', permissions: ['users.read'] } });
    expect(beyond.data.createApiKey.__typename).toBe('InvalidInput');
  });
});

/** A random walk through a living house: whatever people do to each other's roles and grants, nobody hands on what he does not hold. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRole } from '../../kit/administration.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

/** mulberry32: the same walk each time. */
const chance = (seed: number) => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T, often: (odds: number) => next() < odds };
};

const names = [
  'org.own',
  'org.read',
  'org.members.manage',
  'org.roles.manage',
  'permissions.grant',
  'trading.trade',
  'audit.read',
  'users.read',
];
const builtIn = ['owner', 'admin', 'trader', 'viewer', 'support', 'superadmin', 'helper'];

describe('a hundred and fifty steps of anybody', () => {
  it.each([1, 2])(
    'raise nobody above whoever took the step, walk %i',
    async (seed) => {
      const { pick, often } = chance(seed);
      const owner = await world.signedIn();
      const orgId = await found(owner);
      // On the platform somebody who may give, and has little to give.
      await makeRole(world, `helper-${seed}`, ['permissions.grant', 'roles.assign', 'roles.manage', 'sessions.revoke']);
      await makeRole(world, `clerk-${seed}`, ['users.read', 'permissions.check']);
      const helper = await world.signedIn(undefined, { roles: [`helper-${seed}`] });
      const clerk = await world.signedIn(undefined, { roles: [`clerk-${seed}`] });
      // Custom roles, one of which gives what an administrator does not hold.
      const roles: { id: string; name: string }[] = [];
      for (const [name, permissions] of [
        ['granter', ['org.read', 'permissions.grant', 'org.roles.manage']],
        ['owning', ['org.own', 'org.read']],
        ['manager', ['org.members.manage', 'org.read']],
      ] as const)
        roles.push(await act(owner.client, 'createRole', { orgId, name, permissions }));
      const inside = [];
      for (const role of ['admin', 'admin', 'granter', 'manager', 'trader']) inside.push(await member(world, owner, orgId, role));
      // The owner acts too, and so keeps the walk going; nobody acts on him.
      const people: SignedInPerson[] = [...inside, helper, clerk, owner];
      const others = people.slice(0, -1);
      const grants: string[] = [];

      const heldBy = async ({ client }: SignedInPerson): Promise<Set<string>> => {
        const { data } = await client.ask('query ($orgId: ID!) { me { permissions there: permissions(orgId: $orgId) } }', { orgId });
        const platform: string[] = data.me.permissions;
        // What is held on the platform is held in every organization.
        const there = new Set<string>([...data.me.there, ...platform]);
        return new Set([...platform.map((name) => `platform ${name}`), ...[...there].map((name) => `there ${name}`)]);
      };
      const all = () => Promise.all(people.map(heldBy));
      const step = async (actor: SignedInPerson): Promise<[string, object, string]> => {
        const [userId, role] = [pick(others).id, often(0.6) ? pick(roles).name : pick([...builtIn, `helper-${seed}`, `clerk-${seed}`])];
        const place = often(0.75) ? { orgId } : {};
        const permissions = names.filter(() => often(0.25));
        const inherits = often(0.4) ? [pick([...roles.map(({ name }) => name), 'trader', 'admin', 'owner'])] : [];
        const [name, input] = pick<[string, object]>([
          ['createRole', { ...place, name: `made-${roles.length}`, permissions, inherits }],
          ['updateRole', { roleId: pick(roles).id, permissions }],
          ['updateRole', { roleId: pick(roles).id, inherits }],
          ['assignRole', { ...place, userId, role }],
          ['unassignRole', { ...place, userId, role }],
          ['updateMemberRole', { orgId, userId, role }],
          ['addMember', { orgId, userId, role }],
          often(0.2) ? ['removeMember', { orgId, userId }] : ['addMember', { orgId, userId, role }],
          ['grantPermission', { ...place, userId, permission: pick(names) }],
          ['revokePermission', { grantId: grants.length ? pick(grants) : orgId }],
        ]);
        const answer = await act(actor.client, name, input);
        if (answer.__typename === 'Role' && name === 'createRole') roles.push(answer);
        if (answer.__typename === 'PermissionGrant') grants.push(answer.id);
        return [name, input, answer.__typename];
      };

      const outcomes: Record<string, number> = {};
      let before = await all();
      for (let taken = 0; taken < 150; taken += 1) {
        const actor = often(0.35) ? owner : pick(others);
        const [name, input, outcome] = await step(actor);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        const after = await all();
        const his = before[people.indexOf(actor)] as Set<string>;
        for (const [n, held] of after.entries()) {
          const won = [...held].filter((one) => !before[n]!.has(one) && !his.has(one));
          expect(won, `step ${taken}: ${name} ${JSON.stringify(input)} is ${outcome}`).toEqual([]);
        }
        before = after;
      }
      // A walk that changes little shows little.
      const done = ['User', 'OrgMember', 'Role', 'PermissionGrant', 'Deleted'].map((kind) => outcomes[kind] ?? 0);
      expect(done.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(20);
      expect(outcomes['FORBIDDEN']).toBeGreaterThan(15);
      expect(Object.keys(outcomes)).not.toContain('INTERNAL');
    },
    60_000,
  );
});

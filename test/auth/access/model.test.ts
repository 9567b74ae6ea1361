/** The pure decision: by role, by grant, until its end, on its resource; and what no sequence of grants can do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compile,
  decide,
  type Grant,
  type Held,
  holdsUntil,
  noPolicy,
  parseResource,
  platformPermissions,
} from '../../../src/auth/access/model.ts';

const now = new Date('2026-06-01T12:00:00Z');
const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
const names = ['users.read', 'sessions.read', 'audit.read', 'keys.rotate'];
const anyone = { active: true, policy: noPolicy };
const orgs = ['o1', 'o2'];
const permission = fc.constantFrom(...names);
const org = fc.constantFrom(null, ...orgs);
const resource = fc.constantFrom(null, 'session:1', 'user:2');
const held: fc.Arbitrary<Held> = fc.record({ permission, orgId: org, role: fc.constantFrom('support', 'trader') });
const grant: fc.Arbitrary<Grant> = fc.record({
  id: fc.uuid(),
  permission,
  orgId: org,
  resource,
  expiresAt: fc.oneof(
    fc.constant(null),
    fc.integer({ min: -100, max: 100 }).map((minutes) => later(minutes)),
  ),
});
const question = fc.record({ permission, orgId: org, resource });

describe('a decision', () => {
  it('says by what a user may, in words', () => {
    const compiled = compile(
      anyone,
      [
        { permission: 'users.read', orgId: null, role: 'support' },
        { permission: 'audit.read', orgId: 'o1', role: 'trader' },
      ],
      [{ id: '1', permission: 'sessions.read', orgId: null, resource: 'session:1', expiresAt: later(60) }],
    );
    const ask = (name: string, orgId: string | null = null, on: string | null = null) =>
      decide(compiled, { permission: name, orgId, resource: on }, now);
    expect(ask('users.read', 'o2', 'user:2')).toEqual({ allowed: true, reason: 'By the role support on the platform.' });
    expect(ask('audit.read', 'o1')).toEqual({ allowed: true, reason: 'By the role trader in this organization.' });
    expect(ask('audit.read')).toBeNull();
    expect(ask('audit.read', 'o2')).toBeNull();
    expect(ask('sessions.read', null, 'session:1')).toEqual({
      allowed: true,
      reason: 'By a grant on this resource until 2026-06-01 13:00 UTC.',
    });
    const asked = { permission: 'sessions.read', orgId: null, resource: 'session:1' };
    expect(decide(compiled, asked, new Date(later(60).getTime() - 1))?.allowed).toBe(true);
    expect(decide(compiled, asked, later(60))).toBeNull();
    expect(ask('sessions.read', null, 'session:2')).toBeNull();
    expect(ask('sessions.read')).toBeNull();
  });

  it('is never taken back by another role or another grant', () => {
    fc.assert(
      fc.property(fc.array(held), fc.array(grant), fc.array(held), fc.array(grant), question, (roles, grants, more, further, asked) => {
        const before = decide(compile(anyone, roles, grants), asked, now);
        const after = decide(compile(anyone, [...roles, ...more], [...grants, ...further]), asked, now);
        if (before) expect(after?.allowed).toBe(true);
      }),
    );
  });

  it('never rests on a grant that has ended, at that very moment or later', () => {
    fc.assert(
      fc.property(fc.array(grant), question, fc.integer({ min: -200, max: 200 }), (grants, asked, minutes) => {
        const at = later(minutes);
        const living = grants.filter(({ expiresAt }) => expiresAt === null || expiresAt > at);
        expect(decide(compile(anyone, [], grants), asked, at)?.allowed ?? false).toBe(
          decide(compile(anyone, [], living), asked, at)?.allowed ?? false,
        );
        const all = platformPermissions(compile(anyone, [], grants), at);
        for (const name of all)
          expect(living.some((one) => one.permission === name && one.orgId === null && one.resource === null)).toBe(true);
      }),
    );
  });

  it('agrees with a plain search through roles and grants', () => {
    fc.assert(
      fc.property(fc.array(held), fc.array(grant), question, (roles, grants, asked) => {
        const byRole = roles.some((one) => one.permission === asked.permission && (one.orgId === null || one.orgId === asked.orgId));
        const byGrant = grants.some(
          (one) =>
            one.permission === asked.permission &&
            (one.orgId === null || one.orgId === asked.orgId) &&
            (one.resource === null || one.resource === asked.resource) &&
            (one.expiresAt === null || one.expiresAt > now),
        );
        expect(decide(compile(anyone, roles, grants), asked, now)?.allowed ?? false).toBe(byRole || byGrant);
      }),
    );
  });
});

describe('what may be given', () => {
  it('by a sequence of grants never exceeds what its first giver holds, nor outlasts it', () => {
    type Step = { from: number; to: number; permission: string; resource: string | null; minutes: number | null };
    const step: fc.Arbitrary<Step> = fc.record({
      from: fc.integer({ min: 0, max: 3 }),
      to: fc.integer({ min: 1, max: 3 }),
      permission,
      resource,
      minutes: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 100 })),
    });
    const first = fc.record({ roles: fc.array(permission), until: fc.integer({ min: 1, max: 50 }), timed: fc.array(permission) });
    fc.assert(
      fc.property(first, fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 120 }), ({ roles, until, timed }, steps, minutes) => {
        const root = { roles: roles.map((name): Held => ({ permission: name, orgId: null, role: 'root' })), end: later(until) };
        const grants: Grant[][] = [
          timed.map((name, n) => ({ id: `${n}`, permission: name, orgId: null, resource: null, expiresAt: root.end })),
          [],
          [],
          [],
        ];
        const of = (person: number) => compile(anyone, person === 0 ? root.roles : [], grants[person]!);
        for (const { from, to, permission: name, resource: on, minutes: lasts } of steps) {
          const may = holdsUntil(of(from), name, now);
          const expiresAt = lasts === null ? null : later(lasts);
          if (may === null || (may !== 'always' && (expiresAt === null || expiresAt > may))) continue;
          grants[to]!.push({ id: 'x', permission: name, orgId: null, resource: on, expiresAt });
        }
        const at = later(minutes);
        const most = platformPermissions(of(0), at);
        for (const person of [1, 2, 3])
          for (const one of grants[person]!) if (one.expiresAt === null || one.expiresAt > at) expect(most.has(one.permission)).toBe(true);
      }),
    );
  });
});

describe('a resource', () => {
  it.each([
    ['session:018F', 'session:018f'],
    ['trading_account:a-b.c@d', 'trading_account:a-b.c@d'],
    ['session', null],
    ['session:', null],
    [':1', null],
    ['a b:1', null],
    [`x:${'1'.repeat(121)}`, null],
  ])('%s', (text, parsed) => {
    expect(parseResource(text)).toEqual(parsed);
  });
});

/** The pure rules of webhooks: which URLs and types are taken, who is sent what, when it is tried again. */
import { describe, expect, it } from 'vitest';
import { factTypes, takesFacts } from '../../../src/auth/audit/names.ts';
import { nextAttempt, retryAfterSeconds, typesProblem, urlProblem } from '../../../src/auth/webhooks/model.ts';
import { wants } from '../../../src/auth/webhooks/project.ts';

const refuses = (url: string) => url.includes('10.0.0.1');
describe('a URL', () => {
  it.each(['https://hooks.example.com', 'https://hooks.example.com:8443/a?b=c', `https://x.example/${'a'.repeat(1982)}`])(
    '%s is taken',
    (url) => {
      for (const production of [true, false]) expect(urlProblem(url, { production, refuses })).toBeNull();
    },
  );
  it.each([
    'ftp://hooks.example.com',
    'file:///etc/passwd',
    'https://user@hooks.example.com',
    'https://user:pass@hooks.example.com',
    'https://:pass@hooks.example.com',
    'https://hooks.example.com/#part',
    'https://hooks.example.com/#',
    'https://10.0.0.1/',
    `https://x.example/${'a'.repeat(1983)}`,
    `https://x.example/${'ä'.repeat(400)}`,
    'hooks.example.com',
    'javascript:alert(1)',
  ])('%s is not', (url) => {
    for (const production of [true, false])
      expect(urlProblem(url, { production, refuses })).toMatchObject({ kind: 'InvalidInput', field: 'input.url' });
  });
  it('in the clear is taken outside of production alone', () => {
    expect(urlProblem('http://hooks.example.com', { production: false, refuses })).toBeNull();
    expect(urlProblem('http://hooks.example.com', { production: true, refuses })).toMatchObject({ field: 'input.url' });
  });
});

describe('types', () => {
  it('are names of facts and prefixes of whole words, one to fifty', () => {
    for (const types of [['session.created'], ['session.*', 'user.login'], ['*'], Array(50).fill('user.login')])
      expect(typesProblem(types)).toBeNull();
    for (const types of [
      [],
      Array(51).fill('user.login'),
      ['session'],
      ['session.'],
      ['sess*'],
      ['nothing.*'],
      ['.*'],
      ['**'],
      [''],
      ['user.login '],
      ['constructor'],
      ['User.Login'],
    ])
      expect([types, typesProblem(types)?.field]).toEqual([types, 'input.types']);
  });
  it('know every fact of the log by its name', () => {
    expect(factTypes.length).toBeGreaterThan(90);
    for (const type of factTypes) expect([takesFacts(type), takesFacts(`${type.split('.')[0]}.*`)]).toEqual([true, true]);
  });
});

describe('an endpoint', () => {
  const fact = (type: string, orgId: string | null, resource: string | null = null) => ({ type, org_id: orgId, resource });
  it('wants its owner’s facts of its types, and not that of its own making', () => {
    const there = { id: 'w', orgId: 'o', types: ['role.*', 'webhook.created'] };
    expect(wants(there, fact('role.created', 'o'))).toBe(true);
    expect(wants(there, fact('role.created', 'p'))).toBe(false);
    expect(wants(there, fact('role.created', null))).toBe(false);
    expect(wants(there, fact('user.login', 'o'))).toBe(false);
    expect(wants(there, fact('webhook.created', 'o', 'webhook:w'))).toBe(false);
    expect(wants(there, fact('webhook.created', 'o', 'webhook:v'))).toBe(true);
    const all = { id: 'w', orgId: null, types: ['*'] };
    for (const orgId of ['o', 'p', null]) expect(wants(all, fact('role.created', orgId))).toBe(true);
  });
});

describe('what failed', () => {
  const now = new Date('2026-03-01T00:00:00Z');
  const waits = (attempt: number, asked = 0, chance = 0) => {
    const at = nextAttempt(attempt, now, asked, chance);
    return at && (at.getTime() - now.getTime()) / 1000;
  };
  it('is tried again after 5 s, 30 s, 2 min, 15 min, 1 h, 4 h, 12 h and 24 h, up to a fifth later, and then given up', () => {
    const plan = [5, 30, 120, 900, 3600, 14_400, 43_200, 86_400];
    expect(plan.map((_, n) => waits(n + 1))).toEqual(plan);
    expect(plan.map((_, n) => waits(n + 1, 0, 1))).toEqual([6, 36, 144, 1080, 4320, 17_280, 51_840, 103_680]);
    expect([waits(9), waits(10)]).toEqual([null, null]);
  });
  it('waits for as long as it was asked to, never less than the plan and never for more than a day', () => {
    expect([waits(1, 3), waits(1, 60), waits(4, 60), waits(1, 10 ** 9), waits(8, 10 ** 9)]).toEqual([5, 60, 900, 86_400, 86_400]);
    expect(waits(9, 60)).toBeNull();
  });
  it.each([
    [null, 0],
    ['120', 120],
    ['0', 0],
    ['Sun, 01 Mar 2026 00:02:00 GMT', 120],
    ['Sat, 28 Feb 2026 00:00:00 GMT', 0],
    ['-5', 0],
    ['soon', 0],
    ['1e9', 0],
    ['99999999999999999999', 0],
  ])('Retry-After: %s is %i seconds', (header, seconds) => {
    expect(retryAfterSeconds(header, now)).toBe(seconds);
  });
});

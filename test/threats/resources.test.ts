/** Nobody gets more than a share: of hashing, of references in one request, of guesses at one address, of mails to it. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createFairQueue } from '../../src/infra/hasher/fair-queue.ts';
import { loginMutation, openWorld, password, someEmail, type World } from '../kit/world.ts';

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

describe('the queue before the hashers', () => {
  it('gives every share its turn, keeps the order within a share, and loses nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), (shares) => {
        const queue = createFairQueue<{ share: string; n: number }>();
        for (const [n, share] of shares.entries()) queue.add({ share, n });
        const taken: { share: string; n: number }[] = [];
        for (let item = queue.take(); item; item = queue.take()) taken.push(item);
        expect(taken.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(shares.map((_, n) => n));
        for (const share of new Set(shares)) {
          const own = taken.filter((item) => item.share === share).map(({ n }) => n);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
        // As long as two shares wait, neither has two turns in a row.
        for (let i = 1; i < taken.length; i++)
          if (taken.slice(i).some(({ share }) => share !== taken[i]!.share)) expect(taken[i]!.share).not.toBe(taken[i - 1]!.share);
      }),
    );
  });

  it('drops the latest of the share that has most', () => {
    const queue = createFairQueue<{ share: string; n: number }>();
    for (const [n, share] of ['many', 'few', 'many', 'many', 'few'].entries()) queue.add({ share, n });
    expect(queue.dropHeaviest()).toEqual({ share: 'many', n: 3 });
    expect(queue.size()).toBe(4);
  });
});

describe('one network that signs in without end', () => {
  it('does not take sign-in from the others, with hashes of real cost and a full queue', { timeout: 60_000 }, async () => {
    world = await openWorld({ ARGON2_MEMORY_KIB: '19456', ARGON2_TIME_COST: '2', HASH_QUEUE: '16', TRUSTED_PROXIES: '127.0.0.1' });
    const { anonymous } = world;
    const from = (ip: string) => anonymous.with({ 'x-forwarded-for': ip });
    const busy = await Promise.all(Array.from({ length: 40 }, () => world!.person()));
    let stopped = false;
    const storm = Promise.all(
      busy.map(async ({ email }) => {
        while (!stopped) {
          const { errors } = await from('203.0.113.1').ask(loginMutation, { input: { email, password } });
          if (errors) await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }),
    );
    const bystanders = await Promise.all(Array.from({ length: 10 }, () => world!.person()));
    const kinds: unknown[] = [];
    for (const [i, { email }] of bystanders.entries()) {
      const { data, errors } = await from(`198.51.100.${i}`).ask(loginMutation, { input: { email, password } });
      kinds.push(data?.login?.__typename ?? errors?.[0]?.extensions.code);
    }
    stopped = true;
    await storm;
    expect(kinds).toEqual(Array(10).fill('SignedIn'));
  });
});

describe('references in one request', () => {
  const entities = (selection: string) => `query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on User { ${selection} } } }`;
  it('are weighed by their number', async () => {
    world = await openWorld();
    const { client, id } = await world.signedIn();
    const refs = (count: number) => ({ refs: Array.from({ length: count }, () => ({ __typename: 'User', id })) });
    const code = async (selection: string, count: number) =>
      (await client.ask(entities(selection), refs(count))).errors?.[0]?.extensions.code;
    expect(await code('id displayName', 500)).toBeUndefined();
    expect(await code('id displayName', 501)).toBe('BAD_REQUEST');
    expect(await code('sessions { edges { node { id } } }', 10)).toBeUndefined();
    expect(await code('sessions { edges { node { id } } } activity { edges { node { id data } } }', 500)).toBe('BAD_REQUEST');
  });
});

describe('one address', () => {
  it('has no more than fifteen wrong codes a day, from all networks together, known or not', async () => {
    world = await openWorld({ TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_RESET: 'off' });
    const pending = someEmail();
    await world.anonymous.ask('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
      input: { email: pending, password },
    });
    for (const email of [pending, someEmail()]) {
      const kinds: string[] = [];
      for (let i = 0; i < 17; i++) {
        const client = world.anonymous.with({ 'x-forwarded-for': `198.51.100.${i}` });
        kinds.push(
          (await client.ask(`mutation { verifyEmail(input: { email: "${email}", code: "000000" }) { __typename } }`)).data.verifyEmail
            .__typename,
        );
      }
      expect(kinds).toEqual([...Array(15).fill('CodeInvalid'), 'TooManyAttempts', 'TooManyAttempts']);
    }
  });

  it('gets no more mails from registrations than from anything else, whichever networks they come from', async () => {
    world = await openWorld({ TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_RESET: '3/3600s' });
    const email = someEmail();
    const kinds: string[] = [];
    for (let i = 0; i < 5; i++) {
      const client = world.anonymous.with({ 'x-forwarded-for': `198.51.100.${i}` });
      const { data } = await client.ask('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
        input: { email, password },
      });
      kinds.push(data.register.__typename);
    }
    expect(kinds).toEqual(['Registration', 'Registration', 'Registration', 'TooManyAttempts', 'TooManyAttempts']);
  });
});

describe('what belongs to somebody else', () => {
  it('is not told with a fact: where an administrator was who ended a session', async () => {
    world = await openWorld({ TRUSTED_PROXIES: '127.0.0.1' });
    const [owner, admin] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['superadmin'] })];
    const second = await world.signIn(owner);
    await admin.client
      .with({ 'x-forwarded-for': '203.0.113.77' })
      .ask('mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { __typename } }', { id: second.sessionId });
    const query =
      '{ auditEvents(filter: { types: ["session.revoked"] }) { edges { node { actor { id } ipAddress userAgent requestId } } } }';
    const told = (await owner.client.ask(query)).data.auditEvents.edges[0].node;
    expect(told).toEqual({ actor: { id: admin.id }, ipAddress: null, userAgent: null, requestId: null });
    expect((await admin.client.ask(query)).data.auditEvents.edges[0].node.ipAddress).toBe('203.0.113.77');
  });
});

/** RATE_LIMIT_REFRESH counts what a session's own tokens ask, and nothing else. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { refreshWith, sessionRow } from '../../kit/refreshing.ts';
import { openWorld, refreshMutation, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld({ RATE_LIMIT_REFRESH: '10/60s' });
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

/** What somebody can make who knows the id of the session, which is in every access token. */
const forged = ({ sessionId }: SignedInPerson): string =>
  `lkr_${Buffer.concat([Buffer.from(sessionId.replaceAll('-', ''), 'hex'), Buffer.alloc(4), randomBytes(40)]).toString('base64url')}`;
const tenTimes = async (refreshToken: string): Promise<string> => {
  let current = refreshToken;
  for (let n = 0; n < 10; n += 1) {
    const answer = await refreshWith(world, current);
    expect(answer.__typename, `refresh ${n + 1}`).toBe('SignedIn');
    current = answer.refreshToken;
  }
  return current;
};

describe('the limit of refreshes', () => {
  it('lets ten pass in a minute, refuses the eleventh, which changes nothing, and lets go on after the minute', async () => {
    const person = await world.signedIn();
    const last = await tenTimes(person.refreshToken);
    const { answer, changed } = await watch(() =>
      world.anonymous.ask(
        refreshMutation.replace('... on SessionEnded', '... on TooManyAttempts { retryAfterSeconds } ... on SessionEnded'),
        {
          input: { refreshToken: last },
        },
      ),
    );
    expect(answer.data.refresh).toMatchObject({ __typename: 'TooManyAttempts' });
    expect(answer.data.refresh.retryAfterSeconds).toBeGreaterThan(50);
    expect(answer.data.refresh.retryAfterSeconds).toBeLessThanOrEqual(60);
    expect(changed).toEqual(nothing);
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 10, revoked_at: null });
    world.clock.move(61);
    expect((await refreshWith(world, last)).__typename).toBe('SignedIn');
  });

  it('is each session’s own: another session of the same user has its ten', async () => {
    const person = await world.signedIn();
    const other = await world.signIn(person);
    await tenTimes(person.refreshToken);
    await tenTimes(other.refreshToken);
  });

  it('is not used up by a forger who knows the id of the session, one after another or all at once', async () => {
    const person = await world.signedIn();
    for (let n = 0; n < 12; n += 1) expect((await refreshWith(world, forged(person))).__typename).toBe('TokenInvalid');
    const flood = Array.from({ length: 60 }, () => refreshWith(world, forged(person)));
    const own = refreshWith(world, person.refreshToken);
    expect(new Set((await Promise.all(flood)).map((answer) => answer.__typename))).toEqual(new Set(['TokenInvalid']));
    const answer = await own;
    expect(answer.__typename).toBe('SignedIn');
    expect((await refreshWith(world, answer.refreshToken)).__typename).toBe('SignedIn');
  });

  it('is not used up by a forger who asks for an organization', async () => {
    const person = await world.signedIn();
    for (let n = 0; n < 12; n += 1) await refreshWith(world, forged(person), { orgId: person.id });
    expect((await refreshWith(world, person.refreshToken)).__typename).toBe('SignedIn');
  });

  it('counts attempts, not requests: twelve refreshes in one document are twelve', async () => {
    const person = await world.signedIn();
    const last = await tenTimes(person.refreshToken);
    world.clock.move(61);
    const fields = Array.from({ length: 12 }, (_, n) => `r${n}: refresh(input: { refreshToken: $t }) { __typename }`).join(' ');
    const { data, errors } = await world.anonymous.ask(`mutation ($t: String!) { ${fields} }`, { t: last });
    expect(errors).toBeUndefined();
    const kinds = Object.values(data as Record<string, { __typename: string }>).map((answer) => answer.__typename);
    expect(kinds).toEqual([...Array(10).fill('SignedIn'), 'TooManyAttempts', 'TooManyAttempts']);
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 11 });
  });
});

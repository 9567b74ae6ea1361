/** What is no refresh token of a living session gets nothing, and harms nobody. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { judged, refreshWith, sessionRow, useToken } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const days = 86_400;
const write = (bytes: Buffer): string => `lkr_${bytes.toString('base64url')}`;
const bytesOf = (token: string): Buffer => Buffer.from(token.slice(4), 'base64url');
const changedAt = (token: string, at: number, change: (byte: number) => number): string => {
  const bytes = bytesOf(token);
  bytes[at] = change(bytes[at]!);
  return write(bytes);
};

describe('a token that is not ours', () => {
  const forgeries: [string, (own: string, other: string) => string][] = [
    ['with one bit of its MAC turned', (own) => changedAt(own, 59, (byte) => byte ^ 1)],
    ['with one bit of its tag turned', (own) => changedAt(own, 20, (byte) => byte ^ 1)],
    ['with zeros for tag and MAC', (own) => write(Buffer.concat([bytesOf(own).subarray(0, 20), Buffer.alloc(40)]))],
    ['with zeros for the MAC', (own) => write(Buffer.concat([bytesOf(own).subarray(0, 28), Buffer.alloc(32)]))],
    ['with the MAC of another session', (own, other) => write(Buffer.concat([bytesOf(own).subarray(0, 28), bytesOf(other).subarray(28)]))],
    [
      'with tag and MAC of another session',
      (own, other) => write(Buffer.concat([bytesOf(own).subarray(0, 20), bytesOf(other).subarray(20)])),
    ],
    ['of the next generation with tag and MAC of this one', (own) => changedAt(own, 19, (byte) => byte + 1)],
    ['of a generation beyond what the row can hold', (own) => changedAt(own, 16, () => 0xff)],
    ['of a session that is not there', (own) => changedAt(own, 9, (byte) => byte ^ 0xff)],
    ['cut short', (own) => own.slice(0, -1)],
    ['with something after it', (own) => `${own}A`],
    ['in base64 with padding', (own) => `${own}==`],
    ['in the other base64 alphabet', (own) => `${own.slice(0, 4)}${bytesOf(own).toString('base64')}`.replace(/[\w](?=.$)/, '+')],
    ['with a line break in it', (own) => `${own.slice(0, 40)}\n${own.slice(40)}`],
    ['without its prefix', (own) => own.slice(4)],
    ['with a space before it', (own) => ` ${own}`],
    ['that is very long', (own) => own + 'A'.repeat(5000)],
  ];

  it.each(forgeries)('%s is TokenInvalid: nothing is recorded, and the session lives on', async (_, forge) => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const forged = forge(person.refreshToken, other.refreshToken);
    const { answer, changed } = await watch(() => refreshWith(world, forged));
    expect(answer).toMatchObject({ __typename: 'TokenInvalid' });
    expect(changed).toEqual(nothing);
    for (const { refreshToken } of [person, other]) expect((await refreshWith(world, refreshToken)).__typename).toBe('SignedIn');
  });

  it('of another purpose is TokenInvalid: an access token, and the token of a mailed link', async () => {
    const person = await world.signedIn();
    await world.anonymous.ask('mutation ($input: EmailInput!) { requestPasswordReset(input: $input) { __typename } }', {
      input: { email: person.email },
    });
    const mailed = /token=([\w-]+)/.exec((await world.mail(person.email)).text)![1] as string;
    for (const token of [person.accessToken, mailed, `lkr_${mailed}`, person.sessionId]) {
      const { answer, changed } = await watch(() => refreshWith(world, token));
      expect(answer).toMatchObject({ __typename: 'TokenInvalid' });
      expect(changed).toEqual(nothing);
    }
    expect((await refreshWith(world, person.refreshToken)).__typename).toBe('SignedIn');
  });

  it('is TokenInvalid also where it asks for an organization', async () => {
    const person = await world.signedIn();
    const orgId = person.sessionId;
    const forged = changedAt(person.refreshToken, 20, (byte) => byte ^ 1);
    expect((await refreshWith(world, forged, { orgId })).__typename).toBe('TokenInvalid');
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken, { orgId }));
    expect(answer).toMatchObject({ __typename: 'NotFound' });
    expect(changed).toEqual(nothing);
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 0 });
  });

  it('of another house, whose secret is another, is TokenInvalid', async () => {
    const elsewhere = await openWorld();
    try {
      const theirs = await elsewhere.signedIn();
      const { sessionId } = theirs;
      const person = await world.signedIn();
      await world.sql('UPDATE sessions SET id = $1 WHERE id = $2', [sessionId, person.sessionId]);
      expect((await refreshWith(world, theirs.refreshToken)).__typename).toBe('TokenInvalid');
    } finally {
      await elsewhere.close();
    }
  });
});

describe('a session that time has ended', () => {
  const refused = async (person: SignedInPerson, reason: string): Promise<void> => {
    const before = await sessionRow(world, person.sessionId);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'SessionEnded', reason });
    expect(changed).toEqual({ ...nothing, facts: ['session.refresh_failed SessionEnded'] });
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: before.generation });
  };

  it('refreshes until it is seven days old, however much it was used, and then is over', async () => {
    let { refreshToken, ...person } = await world.signedIn();
    for (let day = 0; day < 7; day += 1) {
      const answer = await refreshWith(world, refreshToken);
      expect(answer.__typename).toBe('SignedIn');
      await useToken(world, answer.accessToken);
      refreshToken = answer.refreshToken;
      world.clock.move(day < 6 ? days : days - 60);
    }
    const last = await refreshWith(world, refreshToken);
    expect(last.__typename).toBe('SignedIn');
    world.clock.move(61);
    await refused({ ...person, refreshToken: last.refreshToken }, 'expired');
  });

  it('is over after fourteen days without use, though it is a persistent one', async () => {
    const person = await world.signedIn(undefined, { login: { persistent: true } });
    world.clock.move(13 * days);
    const answer = await refreshWith(world, person.refreshToken);
    expect(answer.__typename).toBe('SignedIn');
    world.clock.move(14 * days + 1);
    await refused({ ...person, refreshToken: answer.refreshToken }, 'idle');
  });

  it('lives ninety days where it is persistent and used, and no longer', async () => {
    let { refreshToken, ...person } = await world.signedIn(undefined, { login: { persistent: true } });
    for (let passed = 0; passed < 90; passed += 10) {
      const answer = await refreshWith(world, refreshToken);
      expect(answer.__typename, `after ${passed} days`).toBe('SignedIn');
      refreshToken = answer.refreshToken;
      world.clock.move(10 * days);
    }
    await refused({ ...person, refreshToken }, 'expired');
  });

  it('lets no access token live on after it', async () => {
    const person = await world.signedIn();
    world.clock.move(7 * days - 300);
    const answer = await refreshWith(world, person.refreshToken);
    expect(answer.__typename).toBe('SignedIn');
    expect(answer.expiresIn).toBeLessThanOrEqual(300);
    expect(await judged(world, answer.accessToken)).toBe('accepted');
    world.clock.move(301);
    expect(await judged(world, answer.accessToken)).toBe('UNAUTHENTICATED');
  });
});

describe('a user who is no longer there', () => {
  it('gets AccountDeactivated while deactivated, and goes on after', async () => {
    const person = await world.signedIn();
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [person.id]);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'AccountDeactivated' });
    expect(changed).toEqual({ ...nothing, facts: ['session.refresh_failed AccountDeactivated'] });
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 0 });
    await world.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = $1`, [person.id]);
    expect((await refreshWith(world, person.refreshToken)).__typename).toBe('SignedIn');
  });

  it('gets SessionEnded once deleted, and the access token is refused', async () => {
    const person = await world.signedIn();
    const { data } = await person.client.ask(
      'mutation { deleteAccount(input: { currentPassword: "correct horse battery" }) { __typename } }',
    );
    expect(data.deleteAccount.__typename).toBe('AccountDeleted');
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'SessionEnded', reason: 'account_deleted' });
    expect(changed).toEqual({ ...nothing, facts: ['session.refresh_failed SessionEnded'] });
    expect(await judged(world, person.accessToken)).toBe('UNAUTHENTICATED');
  });
});

/** RATE_LIMIT_LOGIN counts a network's failed attempts, not its HTTP requests. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { openWorld, password, someEmail, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld({ RATE_LIMIT_LOGIN: '5/900s', LOCKOUT_ATTEMPTS: '40' });
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const wrong = 'a wrong password';
const attempt = (email: string, given: string, network: string, fingerprint?: string) =>
  world.house.auth.login.withPassword(stranger(network), { email, password: given, device: fingerprint ? { fingerprint } : null });

describe('the limit of failed sign-ins', () => {
  it('judges five of a network, whatever the addresses, refuses the sixth though it be right, and ends after its time', async () => {
    const { email } = await world.person();
    for (let n = 0; n < 5; n += 1) expect((await attempt(someEmail(), wrong, '192.0.2.1')).kind).toBe('InvalidCredentials');
    const { answer, changed } = await watch(() => attempt(email, password, '192.0.2.1'));
    expect(answer).toMatchObject({ kind: 'TooManyAttempts' });
    expect((answer as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(890);
    expect(changed).toEqual({ ...nothing, facts: ['user.login_failed TooManyAttempts'] });
    expect((await attempt(email, password, '192.0.2.2')).kind).toBe('SignedIn');
    world.clock.move(901);
    expect((await attempt(email, password, '192.0.2.1')).kind).toBe('SignedIn');
  });

  it('is not used up by right passwords', async () => {
    const { email } = await world.person();
    for (let n = 0; n < 12; n += 1) expect((await attempt(email, password, '192.0.2.3')).kind).toBe('SignedIn');
    for (let n = 0; n < 5; n += 1) expect((await attempt(email, wrong, '192.0.2.3')).kind).toBe('InvalidCredentials');
    expect((await attempt(email, wrong, '192.0.2.3')).kind).toBe('TooManyAttempts');
  });

  it('does not hold a known device up, nor is it used up by one', async () => {
    const { email } = await world.person();
    await attempt(email, password, '192.0.2.4', 'laptop');
    for (let n = 0; n < 6; n += 1) await attempt(someEmail(), wrong, '192.0.2.4');
    expect((await attempt(email, password, '192.0.2.4')).kind).toBe('TooManyAttempts');
    expect((await attempt(email, password, '192.0.2.4', 'laptop')).kind).toBe('SignedIn');
    for (let n = 0; n < 6; n += 1) expect((await attempt(email, wrong, '192.0.2.5', 'laptop')).kind).toBe('InvalidCredentials');
    expect((await attempt(email, password, '192.0.2.5')).kind).toBe('SignedIn');
  });

  it('leaves no place of the account taken where it refuses', async () => {
    const { email } = await world.person();
    for (let n = 0; n < 5; n += 1) await attempt(someEmail(), wrong, '192.0.2.6');
    for (let n = 0; n < 50; n += 1) expect((await attempt(email, wrong, '192.0.2.6')).kind).toBe('TooManyAttempts');
    world.clock.move(901);
    expect((await attempt(email, password, '192.0.2.6')).kind).toBe('SignedIn');
  });
});

describe('forty logins in one document', () => {
  const document = (email: (n: number) => string) => {
    const fields = Array.from(
      { length: 40 },
      (_, n) => `l${n}: login(input: { email: "${email(n)}", password: "${wrong}" }) { __typename }`,
    );
    return `mutation { ${fields.join(' ')} }`;
  };
  const kinds = (data: Record<string, { __typename: string }>) => Object.values(data).map((answer) => answer.__typename);

  it('are refused as a document with too many aliases, or are forty attempts', async () => {
    world.clock.move(901);
    const { answer, changed } = await watch(() => world.anonymous.ask(document(() => someEmail())));
    if (answer.errors) {
      expect(answer.errors[0]?.extensions.code).toBe('BAD_REQUEST');
      expect(changed).toEqual(nothing);
    } else expect(kinds(answer.data)).toEqual([...Array(5).fill('InvalidCredentials'), ...Array(35).fill('TooManyAttempts')]);
  });

  it('are forty attempts on the domain itself, whatever the front door lets pass', async () => {
    const emails = Array.from({ length: 40 }, () => someEmail());
    const answers = await Promise.all(emails.map((email) => attempt(email, wrong, '192.0.2.7')));
    const judged = answers.filter((answer) => answer.kind === 'InvalidCredentials');
    expect(judged).toHaveLength(5);
    expect(answers.filter((answer) => answer.kind === 'TooManyAttempts')).toHaveLength(35);
  });
});

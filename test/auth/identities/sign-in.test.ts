/** Signing in with another provider. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { comeBack, complete, identitiesOf, redirectUri, settingsOf, signInBy, start } from '../../kit/identities.ts';
import { type LocalProvider, openProvider } from '../../kit/provider.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openWorld, someEmail, type World } from '../../kit/world.ts';

let provider: LocalProvider;
let world: World;
let watch: Watch;
beforeAll(async () => {
  provider = await openProvider();
  world = await openWorld(settingsOf(provider));
  watch = await watchChanges(world);
});
afterAll(async () => {
  await world?.close();
  await provider?.stop();
});
const usersOf = (email: string) =>
  world.sql<{ id: string; status: string }>('SELECT id, status FROM users WHERE email_key = lower($1)', [email]);

describe('whoever comes back from a provider for the first time', () => {
  it('is registered, with an address that is verified and no password, and signed in, with every fact of it', async () => {
    const person = provider.person({ name: 'Ada Lovelace', locale: 'de-CH' });
    const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, person));
    expect(answer).toMatchObject({
      __typename: 'SignedIn',
      user: {
        email: person.email,
        emailVerified: true,
        name: 'Ada Lovelace',
        identities: [{ provider: 'test', subject: person.sub, email: person.email }],
      },
      session: { amr: ['fed'] },
    });
    expect(changed).toEqual({
      facts: ['user.registered', 'user.verified', 'identity.linked', 'identity.used', 'session.created', 'user.login'],
      sessionsOpened: 1,
      sessionsEnded: 0,
      letters: [],
    });
    const [row] = await world.sql('SELECT locale, status FROM users WHERE id = $1', [answer.user.id]);
    expect(row).toEqual({ locale: 'de-CH', status: 'ACTIVE' });
    expect(await world.sql('SELECT 1 FROM passwords WHERE user_id = $1', [answer.user.id])).toEqual([]);
    expect((await refreshWith(world, answer.refreshToken)).__typename).toBe('SignedIn');
  });
});

/** A sign-in against a change of the password: who knew only the old one is out, in whatever order the two come to the rows. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import { openWorld, password } from '../kit/world.ts';

const rounds = 50;
type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const login = (email: string, given = password) => world.house.auth.login.withPassword(stranger(), { email, password: given });

describe('a sign-in that waits for a change of its password', () => {
  /** Holds the user's row as every change of a password does first, lets a sign-in come to it, then does the change and commits. */
  const during = async (userId: string, change: (client: pg.Client) => Promise<unknown>, email: string) => {
    const client = new pg.Client({ connectionString: world.databaseUrl });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
      const attempt = login(email);
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      while ((await world.sql(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await change(client);
      await client.query('COMMIT');
      return await attempt;
    } finally {
      await client.end();
    }
  };

  it('with the old one is InvalidCredentials, and opens no session', async () => {
    const person = await world.person();
    const { answer, changed } = await watch(() =>
      during(
        person.id,
        (client) =>
          client.query(`UPDATE passwords SET hash = 'another', changed_at = changed_at + interval '1 second' WHERE user_id = $1`, [
            person.id,
          ]),
        person.email,
      ),
    );
    expect(answer.kind).toBe('InvalidCredentials');
    expect(changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials'] });
    const [user] = await world.sql('SELECT last_login_at FROM users WHERE id = $1', [person.id]);
    expect(user).toEqual({ last_login_at: null });
  });

  it('goes on where the change did not come to be, or another column of the user changed', async () => {
    const person = await world.person();
    const renamed = await during(
      person.id,
      (client) => client.query(`UPDATE users SET name = 'Ada' WHERE id = $1`, [person.id]),
      person.email,
    );
    expect(renamed.kind).toBe('SignedIn');
    expect((await during(person.id, async () => {}, person.email)).kind).toBe('SignedIn');
    const [user] = await world.sql<{ name: string; last_login_at: Date }>('SELECT name, last_login_at FROM users WHERE id = $1', [
      person.id,
    ]);
    expect(user).toMatchObject({ name: 'Ada', last_login_at: expect.any(Date) });
  });

  it.each(['DEACTIVATED', 'DELETED'])('of a user who is %s meanwhile opens no session', async (status) => {
    const person = await world.person();
    const answer = await during(
      person.id,
      (client) => client.query('UPDATE users SET status = $2 WHERE id = $1', [person.id, status]),
      person.email,
    );
    expect(answer.kind).toBe('InvalidCredentials');
    expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1', [person.id])).toEqual([]);
  });
});

describe('sign-ins with the old password beside a reset', () => {
  it('leave no session alive, in fifty rounds', async () => {
    const next = 'seven quiet otters';
    const people = await Promise.all(
      Array.from({ length: rounds }, async () => {
        const { email, id } = await world.person();
        await world.house.auth.passwords.requestReset(stranger(), { email });
        return { email, id, token: /token=([\w-]+)/.exec((await world.mail(email)).text)![1] as string };
      }),
    );
    for (const { email, id, token } of people) {
      const [reset, ...attempts] = await Promise.all([
        world.house.auth.passwords.reset(stranger(), { token, newPassword: next }),
        ...Array.from({ length: 5 }, () => login(email)),
      ]);
      expect(reset.kind).toBe('User');
      for (const { kind } of attempts) expect(['SignedIn', 'InvalidCredentials']).toContain(kind);
      expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1 AND revoked_at IS NULL', [id])).toEqual([]);
    }
  });
});

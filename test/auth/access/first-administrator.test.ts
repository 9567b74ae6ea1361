/** How the first administrator is made, and that there is no second way. */
import { afterEach, describe, expect, it } from 'vitest';
import { openWorld, password, type World } from '../../kit/world.ts';

let world: World;
afterEach(() => world?.close());

const claim = async (token: string, email: string, secret = password) => {
  const response = await fetch(`${world.url}/bootstrap`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, email, password: secret }),
  });
  return { status: response.status, ...((await response.json()) as { done: boolean }) };
};
const superadmins = () =>
  world.sql<{ email: string }>(
    `SELECT u.email FROM users u JOIN role_assignments a ON a.user_id = u.id JOIN roles r ON r.id = a.role_id WHERE r.name = 'superadmin'`,
  );
const facts = (type: string) => world.sql('SELECT id FROM audit_events WHERE type = $1', [type]);

/** Registers by the API and verifies with the mailed code. */
const join = async (email: string) => {
  await world.anonymous.ask('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', { input: { email, password } });
  const code = /^\d{6}$/m.exec((await world.mail(email)).text)?.[0];
  const { data } = await world.anonymous.ask(
    'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename ... on User { id } } }',
    {
      input: { email, code },
    },
  );
  return { id: data.verifyEmail.id as string, email };
};

describe('the one-time link', () => {
  it('makes one account with every permission, once, and records it', async () => {
    world = await openWorld();
    const { token } = world.house.auth.access.firstAdministrator;
    expect(await claim(token, 'root@example.com')).toMatchObject({ status: 200, done: true });
    const [account] = await world.sql<{ id: string }>('SELECT id FROM users');
    const admin = await world.signIn({ id: account!.id, email: 'root@example.com' });
    const { data } = await admin.client.ask('{ me { permissions } }');
    // Of what organizations decide over their own people, the platform's administrator only reads, and recovers what is left without an owner.
    const platform = await world.sql<{ name: string }>(
      `SELECT name FROM permissions WHERE name !~ '^(org|trading)\\.' OR name IN ('org.read', 'org.members.read', 'org.recover') ORDER BY name COLLATE "C"`,
    );
    expect(platform.length).toBeGreaterThanOrEqual(9);
    expect(data.me.permissions).toEqual(platform.map(({ name }) => name));
    expect(await facts('role.assigned')).toHaveLength(1);
    expect(await claim(token, 'second@example.com')).toMatchObject({ status: 400, done: false });
    expect(await superadmins()).toEqual([{ email: 'root@example.com' }]);
  });

  it('makes exactly one when fifty hands open it at once', async () => {
    world = await openWorld();
    const { token } = world.house.auth.access.firstAdministrator;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => claim(token, `root${i}@example.com`)));
    expect(answers.filter(({ done }) => done)).toHaveLength(1);
    expect(await superadmins()).toHaveLength(1);
    expect(await world.sql('SELECT id FROM users')).toHaveLength(1);
  });

  it.each([
    ['a wrong token', { token: 'x'.repeat(43) }],
    ['a weak password', { secret: 'short' }],
    ['an address out of form', { email: 'nobody' }],
  ])('refuses %s, and nothing happens', async (_, wrong) => {
    world = await openWorld();
    const { token } = world.house.auth.access.firstAdministrator;
    const { token: given, email, secret } = { token, email: 'root@example.com', secret: password, ...wrong };
    expect(await claim(given, email, secret)).toMatchObject({ status: 400, done: false });
    expect(await world.sql('SELECT id FROM users')).toEqual([]);
    expect(await facts('role.assigned')).toEqual([]);
  });

  it('does not make an administrator of an account that is there', async () => {
    world = await openWorld();
    const person = await world.person();
    expect(await claim(world.house.auth.access.firstAdministrator.token, person.email)).toMatchObject({ status: 400, done: false });
    expect(await superadmins()).toEqual([]);
  });
});

describe('BOOTSTRAP_ADMIN_EMAIL', () => {
  it('makes whoever verifies that address an administrator, while there is none', async () => {
    world = await openWorld({ BOOTSTRAP_ADMIN_EMAIL: 'Root@Example.com' });
    const stranger = await join('stranger@example.com');
    expect(await superadmins()).toEqual([]);
    const root = await join('root@example.com');
    expect(await superadmins()).toEqual([{ email: root.email }]);
    expect((await (await world.signIn(root)).client.ask('{ me { permissions } }')).data.me.permissions).toContain('audit.read');
    expect((await (await world.signIn(stranger)).client.ask('{ me { permissions } }')).data.me.permissions).toEqual([]);
  });

  it('gives nothing once there is an administrator', async () => {
    world = await openWorld({ BOOTSTRAP_ADMIN_EMAIL: 'late@example.com' });
    await world.person('first@example.com', { roles: ['superadmin'] });
    await join('late@example.com');
    expect(await superadmins()).toEqual([{ email: 'first@example.com' }]);
  });
});

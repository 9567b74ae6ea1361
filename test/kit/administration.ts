/** What an administrator's console asks, and the facts that come of it. */
import type { Client } from './client.ts';
import type { World } from './world.ts';

const problem = '__typename ... on Problem { code message }';
const user = '... on InvalidInput { field } ... on User { id email emailVerified username name status roles { role { name } } }';
const ofUser = (name: string, input: string) => `mutation ($input: ${input}!) { ${name}(input: $input) { ${problem} ${user} } }`;

export const mutations = {
  createUser: ofUser('createUser', 'CreateUserInput'),
  adminUpdateUser: ofUser('adminUpdateUser', 'AdminUpdateUserInput'),
  activateUser: ofUser('activateUser', 'AdminUserInput'),
  deactivateUser: ofUser('deactivateUser', 'AdminUserInput'),
  unlockUser: ofUser('unlockUser', 'AdminUserInput'),
  assignRole: ofUser('assignRole', 'AssignRoleInput'),
  unassignRole: ofUser('unassignRole', 'AssignRoleInput'),
  deleteUser: `mutation ($input: AdminUserInput!) { deleteUser(input: $input) { ${problem} ... on AccountDeleted { userId } } }`,
  impersonate: `mutation ($input: ImpersonateInput!) { impersonate(input: $input) { ${problem} ... on SignedIn { accessToken refreshToken expiresIn
    user { id } session { id expiresAt impersonator { id } } } } }`,
  importUsers: `mutation ($input: ImportUsersInput!) { importUsers(input: $input) { ${problem} ... on UsersImported { created skipped { email code message } } } }`,
};

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape
type Any = any;
/** The outcome, or the denial's code in place of its type. */
export const admin = async (client: Client, name: keyof typeof mutations, input: object): Promise<Any> => {
  const { data, errors } = await client.ask(mutations[name], { input });
  return errors?.[0] ? { __typename: errors[0].extensions.code } : data[name];
};

/** The newest fact of the type about the user. */
export const factOf = async (world: World, type: string, subjectId: string) =>
  (await world.sql('SELECT * FROM audit_events WHERE type = $1 AND subject_id = $2 ORDER BY id DESC LIMIT 1', [type, subjectId]))[0];
export const countFacts = async (world: World): Promise<number> =>
  Number((await world.sql<{ n: string }>('SELECT count(*) AS n FROM audit_events'))[0]?.n);

/** A role of the platform with just these permissions. */
export const makeRole = async (world: World, name: string, permissions: string[]): Promise<void> => {
  await world.sql('INSERT INTO roles (id, name) VALUES (gen_random_uuid(), $1)', [name]);
  await world.sql('INSERT INTO role_permissions (role_id, permission) SELECT id, unnest($2::text[]) FROM roles WHERE name = $1', [
    name,
    permissions,
  ]);
};

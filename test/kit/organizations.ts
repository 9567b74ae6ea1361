/** Organizations as their people use them: founded, joined, with roles of their own. */
import { expect } from 'vitest';
import type { Client } from './client.ts';
import { ask, problem } from './mfa.ts';
import type { SignedInPerson, World } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;

export const found = async (owner: SignedInPerson, name = 'Sons'): Promise<string> =>
  (
    (await ask(
      owner.client,
      'mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { __typename ... on Organization { id } } }',
      { name },
    )) as Any
  ).id;
export const addMember = (client: Client, input: object): Promise<Any> => act(client, 'addMember', input);
/** Somebody new, in the organization with that role. */
export const member = async (
  world: Pick<World, 'signedIn'>,
  owner: Pick<SignedInPerson, 'client'>,
  orgId: string,
  role: string,
): Promise<SignedInPerson> => {
  const person = await world.signedIn();
  expect((await addMember(owner.client, { orgId, userId: person.id, role })).__typename).toBe('OrgMember');
  return person;
};

const roleFields = 'id name description builtIn permissions inherits { name } organization { id }';
const types: Record<string, string> = {
  createRole: 'CreateRoleInput',
  updateRole: 'UpdateRoleInput',
  deleteRole: 'DeleteRoleInput',
  assignRole: 'AssignRoleInput',
  unassignRole: 'AssignRoleInput',
  grantPermission: 'GrantPermissionInput',
  revokePermission: 'RevokePermissionInput',
  addMember: 'OrgMemberInput',
  updateMemberRole: 'OrgMemberInput',
  removeMember: 'RemoveMemberInput',
  updateOrganization: 'UpdateOrganizationInput',
};
const shown: Record<string, string> = {
  createRole: `... on Role { ${roleFields} }`,
  updateRole: `... on Role { ${roleFields} }`,
  grantPermission: '... on PermissionGrant { id permission organization { id } user { id } }',
};
/** The answer of an operation on roles and grants; `__typename` is the denial's code where it was denied. */
export const act = async (client: Client, name: string, input: object): Promise<Any> => {
  const text = `mutation ($input: ${types[name]}!) { ${name}(input: $input) { __typename ${problem} ${shown[name] ?? ''} } }`;
  const { data, errors } = await client.ask(text, { input });
  return data?.[name] ?? { __typename: errors?.[0]?.extensions.code };
};
export const heldIn = async (client: Client, orgId: string): Promise<string[]> =>
  (await client.ask('query ($orgId: ID!) { me { permissions(orgId: $orgId) } }', { orgId })).data.me.permissions.toSorted();

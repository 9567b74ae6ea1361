/** "May this user do that?", with a reason a person understands. Decided in memory but for a resource whose owner has to be looked up. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Caller } from '../caller.ts';
import { isUuid, parseId } from '../paging.ts';
import { findAccountOwner, findSharedAccess } from '../trading-accounts/held.ts';
import { badRequest, forbidden, unauthenticated } from './denial.ts';
import { type Compiled, type Decision, decide, parseResource } from './model.ts';
import type { Permissions } from './permissions.ts';
import { findSessionOwner, isMember } from './store.ts';

export type CheckNeeds = { database: Database; clock: Clock; permissions: Permissions };
export type PermissionCheckInput = { permission: string; orgId?: string | null; resource?: string | null; userId?: string | null };

const mostChecks = 100;
const asking = 'permissions.check';
const permissionForm = /^[a-z][a-z_]*(?:[.:][a-z][a-z_]*)+$/;

/** `resource`: `type:id`, as it is kept. */
type Asked = { permission: string; orgId: string | null; resource: string | null; userId: string };
const refused = ({ permission, resource, orgId }: Asked): Decision => ({
  allowed: false,
  reason: `No role and no grant gives ${permission}${resource === null ? '' : ' on this resource'}${orgId ? ' in this organization' : ''}.`,
});

const read = (self: string | null, { permission, orgId, resource, userId }: PermissionCheckInput): Asked => {
  if (permission.length > 100 || !permissionForm.test(permission)) throw badRequest('permission is a name such as users.read.');
  const on = resource == null ? null : parseResource(resource);
  if (resource != null && on === null) throw badRequest('resource is type:id.');
  const there = orgId == null ? null : parseId(orgId);
  const whose = userId == null ? self : parseId(userId);
  if ((orgId != null && there === null) || (userId != null && whose === null)) throw badRequest('orgId and userId take ids.');
  if (whose === null) throw badRequest('userId is needed: a program asks about a user.');
  return { permission, orgId: there, resource: on, userId: whose };
};

type OwnerOf = (database: Database, id: string) => Promise<string | null>;
/** Things that belong to a user: who that is. What is of another type is nobody's own. */
const owners = new Map<string, OwnerOf>([
  ['user', async (_database, id) => id],
  ['session', findSessionOwner],
  ['trading_account', findAccountOwner],
]);

/** What is neither by a role nor by a grant: one's own, and what is shared with one. */
const byOwner = (needs: CheckNeeds, asked: Asked, resource: string): Decision | Promise<Decision> => {
  const colon = resource.indexOf(':');
  const ownerOf = owners.get(resource.slice(0, colon));
  const id = resource.slice(colon + 1);
  return ownerOf && isUuid(id) ? byOwnerOf(needs, asked, id, ownerOf) : refused(asked);
};
const byOwnerOf = async ({ database, clock }: CheckNeeds, asked: Asked, id: string, ownerOf: OwnerOf): Promise<Decision> => {
  if ((await ownerOf(database, id)) === asked.userId) return { allowed: true, reason: "It is the user's own." };
  const shared = ownerOf === findAccountOwner ? await findSharedAccess(database, id, asked.userId, clock.now()) : null;
  return shared?.has(asked.permission) ? { allowed: true, reason: 'By a share of its owner.' } : refused(asked);
};

/** The answer to a question that may be asked: at once where memory decides it, so that it waits for nothing. */
const openAnswer = (needs: CheckNeeds) => {
  const { clock, permissions } = needs;
  const answer = (compiled: Compiled, asked: Asked, now: Date): Decision | Promise<Decision> =>
    decide(compiled, asked, now) ??
    // A user who is not active has nothing, the own things included.
    (asked.resource !== null && compiled.active ? byOwner(needs, asked, asked.resource) : refused(asked));
  return (caller: Caller, asked: Asked): Decision | Promise<Decision> => {
    const { identity } = caller;
    // Whoever asks with a key, or hands one on to have it asked with, hears what the key may: no more than it names.
    if (identity?.keyPermissions && identity.userId === asked.userId && !identity.keyPermissions.includes(asked.permission))
      return { allowed: false, reason: `The API key does not name ${asked.permission}.` };
    const now = clock.now();
    const compiled = permissions.compiled(asked.userId, now);
    return compiled instanceof Promise ? compiled.then((known) => answer(known, asked, clock.now())) : answer(compiled, asked, now);
  };
};

/** With `permissions.check` on the platform, about anybody; with it in an organization, about its members in it, and nowhere else. */
const openMayAsk =
  ({ database, clock, permissions }: CheckNeeds) =>
  async ({ identity }: Caller, { userId, orgId }: Asked): Promise<void> => {
    const may = async (): Promise<boolean> => {
      if (!identity || orgId === null || identity.keyPermissions?.includes(asking) === false) return false;
      const own = await permissions.compiled(identity.userId);
      return decide(own, { permission: asking, orgId, resource: null }, clock.now()) !== null && isMember(database, orgId, userId);
    };
    if (!(await may())) throw forbidden('permissions.check is needed.');
  };

/** Whom the caller speaks for; null: for nobody, as a program. Before the questions are looked at: whoever may ask nobody learns nothing of their form. */
const selfOf = ({ identity, client, permissions }: Caller): string | null => {
  if (identity) return identity.userId;
  if (!client) throw unauthenticated();
  if (!permissions.has(asking)) throw forbidden('permissions.check is needed.');
  return null;
};

/**
 * A decision, at once where memory has it. Throws (at once, or by the promise) BAD_REQUEST for a question out of form, FORBIDDEN where the caller
 * may not ask about another user. A program has nothing of its own, and names the user: what it may itself, its token says.
 */
export const checkPermission = (needs: CheckNeeds) => {
  const answer = openAnswer(needs);
  const mayAsk = openMayAsk(needs);
  return (caller: Caller, input: PermissionCheckInput): Decision | Promise<Decision> => {
    const self = selfOf(caller);
    const asked = read(self, input);
    if (asked.userId === self || caller.permissions.has(asking)) return answer(caller, asked);
    return mayAsk(caller, asked).then(() => answer(caller, asked));
  };
};

/** Decisions in the order of the questions, all of them or none: else as `checkPermission`. */
export const checkPermissions = (needs: CheckNeeds) => {
  const answer = openAnswer(needs);
  const mayAsk = openMayAsk(needs);
  return async (caller: Caller, inputs: readonly PermissionCheckInput[]): Promise<Decision[]> => {
    const self = selfOf(caller);
    if (inputs.length > mostChecks) throw badRequest(`At most ${mostChecks} questions at a time.`);
    const questions = inputs.map((input) => read(self, input));
    const others = caller.permissions.has(asking) ? [] : questions.filter(({ userId }) => userId !== self);
    for (const question of others) await mayAsk(caller, question);
    return Promise.all(questions.map((question) => answer(caller, question)));
  };
};

/** "May this user do that?", with a reason a person understands. Decided in memory but for a resource whose owner has to be looked up. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Caller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import { findAccountOwner, findSharedAccess } from '../trading-accounts/held.ts';
import { badRequest, forbidden, unauthenticated } from './denial.ts';
import { type Decision, decide, parseResource } from './model.ts';
import type { Permissions } from './permissions.ts';
import { findSessionOwner, isMember } from './store.ts';

export type CheckNeeds = { database: Database; clock: Clock; permissions: Permissions };
export type PermissionCheckInput = { permission: string; orgId?: string | null; resource?: string | null; userId?: string | null };

const mostChecks = 100;
const asking = 'permissions.check';
const permissionForm = /^[a-z][a-z_]*(?:[.:][a-z][a-z_]*)+$/;

/** Whose a thing is, by its type; a type that is not here is nobody's own. */
const ownerOf = async (database: Database, { type, id }: { type: string; id: string }): Promise<string | null> => {
  if (!isUuid(id)) return null;
  if (type === 'user') return id;
  if (type === 'trading_account') return findAccountOwner(database, id);
  return type === 'session' ? findSessionOwner(database, id) : null;
};

/** With `permissions.check` on the platform, about anybody; with it in an organization, about its members in it, and nowhere else. */
const openMayAsk =
  ({ database, clock, permissions }: CheckNeeds) =>
  async (caller: Caller, { userId, orgId }: { userId: string; orgId: string | null }): Promise<boolean> => {
    if (caller.permissions.has(asking)) return true;
    const { identity } = caller;
    if (!identity || orgId === null || identity.keyPermissions?.includes(asking) === false) return false;
    const own = await permissions.compiled(identity.userId);
    return decide(own, { permission: asking, orgId, resource: null }, clock.now()) !== null && isMember(database, orgId, userId);
  };

/**
 * Decisions in the order of the questions. Throws BAD_REQUEST for a question out of form, FORBIDDEN where the caller may not ask about another
 * user. A program has nothing of its own, and names the user: what it may itself, its token says.
 */
export const checkPermissions = (needs: CheckNeeds) => {
  const { database, clock, permissions } = needs;
  const mayAskAbout = openMayAsk(needs);
  return async (caller: Caller, inputs: readonly PermissionCheckInput[]): Promise<Decision[]> => {
    const self = caller.identity?.userId ?? null;
    if (self === null && !caller.client) throw unauthenticated();
    // Before the questions are looked at: whoever may ask nobody learns nothing of their form.
    if (self === null && !caller.permissions.has(asking)) throw forbidden('permissions.check is needed.');
    if (inputs.length > mostChecks) throw badRequest(`At most ${mostChecks} questions at a time.`);
    const questions = inputs.map(({ permission, orgId, resource, userId }) => {
      if (permission.length > 100 || !permissionForm.test(permission)) throw badRequest('permission is a name such as users.read.');
      const on = resource == null ? null : parseResource(resource);
      if (resource != null && !on) throw badRequest('resource is type:id.');
      for (const id of [orgId, userId]) if (id != null && !isUuid(id)) throw badRequest('orgId and userId take ids.');
      const whose = userId?.toLowerCase() ?? self;
      if (whose === null) throw badRequest('userId is needed: a program asks about a user.');
      return { permission, orgId: orgId?.toLowerCase() ?? null, on, userId: whose };
    });
    for (const question of questions)
      if (question.userId !== self && !(await mayAskAbout(caller, question))) throw forbidden('permissions.check is needed.');
    return Promise.all(
      questions.map(async ({ permission, orgId, on, userId }) => {
        // Whoever asks with a key, or hands one on to have it asked with, hears what the key may: no more than it names.
        if (userId === self && caller.identity?.keyPermissions?.includes(permission) === false)
          return { allowed: false, reason: `The API key does not name ${permission}.` };
        const resource = on && `${on.type}:${on.id}`;
        const compiled = await permissions.compiled(userId);
        const decision = decide(compiled, { permission, orgId, resource }, clock.now());
        if (decision) return decision;
        // A user who is not active has nothing, the own things included.
        if (on && compiled.active && (await ownerOf(database, on)) === userId) return { allowed: true, reason: "It is the user's own." };
        if (
          on?.type === 'trading_account' &&
          compiled.active &&
          (await findSharedAccess(database, on.id, userId, clock.now()))?.has(permission)
        )
          return { allowed: true, reason: 'By a share of its owner.' };
        return {
          allowed: false,
          reason: `No role and no grant gives ${permission}${on ? ' on this resource' : ''}${orgId ? ' in this organization' : ''}.`,
        };
      }),
    );
  };
};

/** "May this user do that?", with a reason a person understands. Decided in memory but for a resource whose owner has to be looked up. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Caller } from '../caller.ts';
import { isUuid } from '../paging.ts';
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

/** The types of things that belong to a user; what is of another type is nobody's own. */
const owned = new Set(['user', 'session', 'trading_account']);
const ownerOf = async (database: Database, { type, id }: { type: string; id: string }): Promise<string | null> => {
  if (!isUuid(id)) return null;
  if (type === 'user') return id;
  return type === 'session' ? findSessionOwner(database, id) : findAccountOwner(database, id);
};

/** With `permissions.check` on the platform, about anybody; with it in an organization, about its members in it, and nowhere else. */
const openMayAsk =
  ({ database, clock, permissions }: CheckNeeds) =>
  async (caller: Caller, { userId, orgId }: Asked): Promise<boolean> => {
    const { identity } = caller;
    if (!identity || orgId === null || identity.keyPermissions?.includes(asking) === false) return false;
    const own = await permissions.compiled(identity.userId);
    return decide(own, { permission: asking, orgId, resource: null }, clock.now()) !== null && isMember(database, orgId, userId);
  };

type Asked = { permission: string; orgId: string | null; on: { type: string; id: string } | null; userId: string };
const refused = ({ permission, on, orgId }: Asked): Decision => ({
  allowed: false,
  reason: `No role and no grant gives ${permission}${on ? ' on this resource' : ''}${orgId ? ' in this organization' : ''}.`,
});

const readQuestions = (self: string | null, inputs: readonly PermissionCheckInput[]): Asked[] => {
  if (inputs.length > mostChecks) throw badRequest(`At most ${mostChecks} questions at a time.`);
  return inputs.map(({ permission, orgId, resource, userId }) => {
    if (permission.length > 100 || !permissionForm.test(permission)) throw badRequest('permission is a name such as users.read.');
    const on = resource == null ? null : parseResource(resource);
    if (resource != null && !on) throw badRequest('resource is type:id.');
    for (const id of [orgId, userId]) if (id != null && !isUuid(id)) throw badRequest('orgId and userId take ids.');
    const whose = userId?.toLowerCase() ?? self;
    if (whose === null) throw badRequest('userId is needed: a program asks about a user.');
    return { permission, orgId: orgId?.toLowerCase() ?? null, on, userId: whose };
  });
};

/**
 * Decisions in the order of the questions. Throws BAD_REQUEST for a question out of form, FORBIDDEN where the caller may not ask about another
 * user. A program has nothing of its own, and names the user: what it may itself, its token says.
 */
export const checkPermissions = (needs: CheckNeeds) => {
  const { database, clock, permissions } = needs;
  const mayAskAbout = openMayAsk(needs);
  /** What is neither by a role nor by a grant: one's own, and what is shared with one. */
  const byOwner = async (asked: Asked, on: { type: string; id: string }): Promise<Decision> => {
    if ((await ownerOf(database, on)) === asked.userId) return { allowed: true, reason: "It is the user's own." };
    const shared = on.type === 'trading_account' ? await findSharedAccess(database, on.id, asked.userId, clock.now()) : null;
    return shared?.has(asked.permission) ? { allowed: true, reason: 'By a share of its owner.' } : refused(asked);
  };
  const answer = (compiled: Compiled, asked: Asked): Decision | Promise<Decision> => {
    const { permission, orgId, on } = asked;
    const decision = decide(compiled, { permission, orgId, resource: on && `${on.type}:${on.id}` }, clock.now());
    if (decision) return decision;
    // A user who is not active has nothing, the own things included.
    return on && owned.has(on.type) && compiled.active ? byOwner(asked, on) : refused(asked);
  };
  return async (caller: Caller, inputs: readonly PermissionCheckInput[]): Promise<Decision[]> => {
    const self = caller.identity?.userId ?? null;
    if (self === null && !caller.client) throw unauthenticated();
    const mayAskAll = caller.permissions.has(asking);
    // Before the questions are looked at: whoever may ask nobody learns nothing of their form.
    if (self === null && !mayAskAll) throw forbidden('permissions.check is needed.');
    const questions = readQuestions(self, inputs);
    if (!mayAskAll)
      for (const question of questions)
        if (question.userId !== self && !(await mayAskAbout(caller, question))) throw forbidden('permissions.check is needed.');
    const decisions = questions.map((question): Decision | Promise<Decision> => {
      const { userId, permission } = question;
      // Whoever asks with a key, or hands one on to have it asked with, hears what the key may: no more than it names.
      if (userId === self && caller.identity?.keyPermissions?.includes(permission) === false)
        return { allowed: false, reason: `The API key does not name ${permission}.` };
      const compiled = permissions.compiled(userId);
      return compiled instanceof Promise ? compiled.then((known) => answer(known, question)) : answer(compiled, question);
    });
    // What is decided in memory waits for nothing.
    return decisions.some((decision) => decision instanceof Promise) ? Promise.all(decisions) : (decisions as Decision[]);
  };
};

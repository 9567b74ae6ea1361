/**
 * casbin as its documentation has RBAC with domains: one enforcer with all policies in memory. Comparisons that cost little stand before `g`, and an end
 * is asked by a function of one's own. A role of the platform and a grant without an organization count in every domain.
 */
import { newCachedEnforcer, newEnforcer, newModelFromString } from 'casbin';
import type { Question, Rules } from './access-rules.ts';

const model = `
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act, until
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && (p.dom == '*' || r.dom == p.dom) && (p.obj == '*' || r.obj == p.obj) && lives(p.until) && (g(r.sub, p.sub, r.dom) || g(r.sub, p.sub, 'platform'))
`;
const never = 'never';

const policiesOf = ({ roles, grants }: Rules): string[][] => [
  ...roles.flatMap(({ id, permissions }) => permissions.map((permission) => [id, '*', '*', permission, never])),
  ...grants.map(({ userId, permission, orgId, resource, expiresAt }) => [
    userId,
    orgId ?? '*',
    resource ?? '*',
    permission,
    String(expiresAt?.getTime() ?? never),
  ]),
];
/** Who holds what where, and what inherits from what: in every domain in which somebody holds it. */
const groupsOf = ({ roles, holdings }: Rules): string[][] => {
  const byId = new Map(roles.map((role) => [role.id, role]));
  const links = new Map<string, string[]>();
  const inherit = (roleId: string, domain: string): void => {
    for (const parent of byId.get(roleId)?.inherits ?? []) {
      links.set([roleId, parent, domain].join(), [roleId, parent, domain]);
      inherit(parent, domain);
    }
  };
  for (const { userId, roleId, orgId } of holdings) {
    const domain = orgId ?? 'platform';
    links.set([userId, roleId, domain].join(), [userId, roleId, domain]);
    inherit(roleId, domain);
  }
  return [...links.values()];
};

const request = ({ userId, orgId, resource, permission }: Question): string[] => [userId, orgId ?? 'none', resource ?? 'none', permission];

export const openCasbin = async (rules: Rules) => {
  const open = async <E extends Awaited<ReturnType<typeof newEnforcer>>>(make: (model: unknown) => Promise<E>): Promise<E> => {
    const enforcer = await make(newModelFromString(model));
    await enforcer.addFunction('lives', (until: string) => until === never || Number(until) > Date.now());
    await enforcer.addPolicies(policiesOf(rules));
    await enforcer.addGroupingPolicies(groupsOf(rules));
    return enforcer;
  };
  const enforcer = await open(newEnforcer);
  const cached = await open(newCachedEnforcer);
  return {
    enforce: (question: Question): Promise<boolean> => enforcer.enforce(...request(question)),
    enforceSync: (question: Question): boolean => enforcer.enforceSync(...request(question)),
    /** Answers what was asked before from its own memory, without asking for ends. */
    enforceCached: (question: Question): Promise<boolean> => cached.enforce(...request(question)),
  };
};

/** CASL as its documentation has it: an ability for each user, made of rules with conditions and kept; a question is a subject with its fields. */
import { AbilityBuilder, createMongoAbility, type MongoAbility, subject } from '@casl/ability';
import type { GrantRule, Question, Rules } from './access-rules.ts';

export const openCasl = ({ roles, holdings, grants }: Rules) => {
  const byId = new Map(roles.map((role) => [role.id, role]));
  const ofUser = <T extends { userId: string }>(rows: readonly T[]) => Map.groupBy(rows, ({ userId }) => userId);
  const [held, granted] = [ofUser(holdings), ofUser(grants)];
  const permissionsOf = (roleId: string): string[] => {
    const { permissions = [], inherits = [] } = byId.get(roleId) ?? {};
    return [...permissions, ...inherits.flatMap(permissionsOf)];
  };
  const conditionsOf = ({ orgId, resource, expiresAt }: GrantRule) => ({
    ...(orgId && { orgId }),
    ...(resource && { resource }),
    ...(expiresAt && { now: { $lt: expiresAt.getTime() } }),
  });
  const abilityFor = (userId: string): MongoAbility => {
    const { can, build } = new AbilityBuilder(createMongoAbility);
    for (const { roleId, orgId } of held.get(userId) ?? [])
      for (const permission of new Set(permissionsOf(roleId))) can(permission, 'Place', orgId ? { orgId } : {});
    for (const grant of granted.get(userId) ?? []) can(grant.permission, 'Place', conditionsOf(grant));
    return build();
  };
  const cache = new Map<string, MongoAbility>();
  return {
    can: ({ userId, permission, orgId, resource }: Question): boolean => {
      let ability = cache.get(userId);
      if (!ability) {
        ability = abilityFor(userId);
        cache.set(userId, ability);
      }
      return ability.can(permission, subject('Place', { orgId, resource, now: Date.now() }));
    },
    build: ({ userId }: Question): boolean => abilityFor(userId).rules.length >= 0,
  };
};

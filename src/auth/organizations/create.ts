/** A new organization, whose maker is its first owner. */
import type { Clock, Database, Random, Sql } from '../../infra/ports.ts';
import type { Permissions } from '../access/permissions.ts';
import { findRole } from '../access/role-store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { holdAlone, holdFromErasure } from '../users/erase.ts';
import { isSlug, mostOwned, ownerRole, parseName, slugOf } from './model.ts';
import { countOwned, insertMember, insertOrganization } from './store.ts';

export type CreateNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; permissions: Permissions };
export type CreateOrganizationInput = { name: string; slug?: string | null };
export type OrganizationOutcome = { readonly kind: 'Organization'; readonly id: string };
export type CreateOrganizationOutcome = OrganizationOutcome | Refused<'InvalidInput' | 'Conflict' | 'QuotaExceeded' | 'NotFound'>;

export const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;
export const nameMessage = 'A name has 1 to 100 characters, and no control characters.';
export const slugMessage = 'A slug has 3 to 63 lower-case letters, digits and single hyphens, and begins with a letter.';

type Named = { readonly name: string; readonly builtIn: boolean };
export const isOwner = (role: Named): boolean => role.name === ownerRole && role.builtIn;
/** How those are held to whom a role is given: whose organizations are counted is held alone, so that of many at once none is beyond the limit. */
export const holdFor = (role: Named | undefined) => (role && isOwner(role) ? holdAlone : holdFromErasure);
/** Whether the user owns as many organizations as one may, and this role would make one more. With the user held by `holdFor`. */
export const ownsEnough = async (sql: Sql, userId: string, role: Named | undefined): Promise<boolean> =>
  role !== undefined && isOwner(role) && (await countOwned(sql, userId)) >= mostOwned;
export const enoughOwned = (field: string) => invalid(field, `A user owns ${mostOwned} organizations at most.`);

export const createOrganization =
  ({ database, clock, random, trail, permissions }: CreateNeeds) =>
  async (caller: SignedInCaller, input: CreateOrganizationInput): Promise<CreateOrganizationOutcome> => {
    const { userId } = caller.identity;
    const name = parseName(input.name);
    if (!name) return invalid('name', nameMessage);
    if (input.slug != null && !isSlug(input.slug)) return invalid('slug', slugMessage);
    const at = clock.now();
    const id = random.uuid(at);
    const slug = input.slug ?? slugOf(name, random.bytes(4).toString('hex'));
    const outcome = await database.transaction(async (sql): Promise<CreateOrganizationOutcome> => {
      // The user's row is held: of many that are made at once none is beyond the limit.
      if (!(await lockActive(sql, userId))) return { kind: 'NotFound' };
      if ((await countOwned(sql, userId)) >= mostOwned) return { kind: 'QuotaExceeded', limit: mostOwned };
      const owner = await findRole(sql, id, ownerRole);
      if (!owner) throw new Error('the role of owners is not there');
      if (!(await insertOrganization(sql, { id, name, slug, at }))) return { kind: 'Conflict' };
      await insertMember(sql, id, userId, owner.id, at);
      const facts = [
        trail.fact(caller, { type: 'organization.created', data: {}, orgId: id }),
        trail.fact(caller, { type: 'organization.member_added', data: { role: ownerRole }, orgId: id }),
      ];
      await trail.write(sql, facts);
      return { kind: 'Organization', id };
    });
    permissions.forget(userId);
    trail.committed();
    return outcome;
  };

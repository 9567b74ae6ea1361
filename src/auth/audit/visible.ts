/** Who may see which facts: the same rule for a page, a replay and a live stream. */
import { badRequest, forbidden } from '../access/denial.ts';
import type { SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import { type FactRow, typeMatches } from './model.ts';

export type FactFilter = {
  types?: readonly string[] | null;
  actorId?: string | null;
  subjectId?: string | null;
  orgId?: string | null;
  outcome?: 'SUCCESS' | 'FAILURE' | null;
  resource?: string | null;
  ipAddress?: string | null;
  from?: Date | null;
  to?: Date | null;
};

/** Whether the caller holds a permission in an organization. */
export type MayIn = (caller: SignedInCaller, orgId: string, permission: string) => Promise<boolean>;
export const mayReadIn = async (mayIn: MayIn, caller: SignedInCaller, filter: FactFilter | null | undefined): Promise<boolean> =>
  filter?.orgId != null && isUuid(filter.orgId) && mayIn(caller, filter.orgId.toLowerCase(), 'audit.read');

/** A filter that has been checked, and whose facts alone may be seen (null: everybody's). */
export type Visible = FactFilter & { readonly personId: string | null };

/** `inOrganization`: the caller holds audit.read in `filter.orgId`. Throws the denials BAD_REQUEST (a filter out of form) and FORBIDDEN (an organization's facts without audit.read). */
export const visibleFacts = (caller: SignedInCaller, filter: FactFilter | null | undefined, inOrganization = false): Visible => {
  const { types, resource, ipAddress } = filter ?? {};
  const id = (name: 'actorId' | 'subjectId' | 'orgId'): string | null => {
    const given = filter?.[name];
    if (given != null && !isUuid(given)) throw badRequest(`filter.${name} is not an id.`);
    return given?.toLowerCase() ?? null;
  };
  const ids = { actorId: id('actorId'), subjectId: id('subjectId'), orgId: id('orgId') };
  if (types && (types.length > 50 || types.some((type) => !/^[a-z_]+(\.[a-z_]+)*(\.\*)?$|^\*$/.test(type))))
    throw badRequest('filter.types takes at most 50 names such as session.created, and prefixes such as session.*');
  // PostgreSQL takes no NUL in a text.
  for (const text of [resource, ipAddress])
    if (text && (text.includes('\0') || !text.isWellFormed()))
      throw badRequest('filter.resource and filter.ipAddress take no NUL and no half of a character.');
  const all = caller.permissions.has('audit.read');
  if (ids.orgId && !all && !inOrganization) throw forbidden('audit.read is needed in that organization.');
  return { ...filter, ...ids, personId: all || (ids.orgId && inOrganization) ? null : caller.identity.userId };
};

/** Whether a fact is among those. */
export const isVisible = (visible: Visible, fact: FactRow): boolean =>
  typeMatches(visible.types, fact.type) &&
  (visible.personId === null || fact.actor_id === visible.personId || fact.subject_id === visible.personId) &&
  (!visible.actorId || fact.actor_id === visible.actorId) &&
  (!visible.subjectId || fact.subject_id === visible.subjectId) &&
  (!visible.orgId || fact.org_id === visible.orgId) &&
  (!visible.outcome || fact.outcome === visible.outcome) &&
  (!visible.resource || fact.resource === visible.resource) &&
  (!visible.ipAddress || fact.ip_address === visible.ipAddress) &&
  (!visible.from || fact.occurred_at >= visible.from) &&
  (!visible.to || fact.occurred_at < visible.to);

/**
 * Whether somebody who sees the fact sees where its actor was: an administrator's or a program's address is no business of the user who was acted
 * on, nor of the organization. `all`: a holder of audit.read on the platform, or the platform itself.
 */
export const seesWhereFrom = (fact: FactRow, reader: { all: boolean; userId: string | null }): boolean =>
  reader.all ||
  (!fact.impersonator_id &&
    ((fact.actor_id === null && fact.actor_client === null) || (fact.actor_id !== null && fact.actor_id === reader.userId)));

/** An organization's name, slug and settings. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Permissions } from '../access/permissions.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { invalid, nameMessage, type OrganizationOutcome, slugMessage } from './create.ts';
import type { May } from './may.ts';
import { checkSettings, isSlug, parseName, type SettingsInput } from './model.ts';
import { isSlugTaken, updateOrganizationRow } from './store.ts';

export type UpdateNeeds = { database: Database; clock: Clock; trail: AuditTrail; may: May; permissions: Permissions };
export type UpdateOrganizationInput = { orgId: string; name?: string | null; slug?: string | null; settings?: SettingsInput | null };
export type UpdateOrganizationOutcome = OrganizationOutcome | Refused<'NotFound' | 'InvalidInput' | 'Conflict'>;

export const updateOrganization =
  ({ database, clock, trail, may, permissions }: UpdateNeeds) =>
  async (caller: SignedInCaller, input: UpdateOrganizationInput): Promise<UpdateOrganizationOutcome> => {
    const orgId = input.orgId.toLowerCase();
    if (!(await may.enter(caller, orgId, 'org.update'))) return { kind: 'NotFound' };
    const name = input.name == null ? undefined : parseName(input.name);
    if (name === null) return invalid('name', nameMessage);
    if (input.slug != null && !isSlug(input.slug)) return invalid('slug', slugMessage);
    const settings = checkSettings(input.settings ?? {});
    if ('field' in settings) return invalid(settings.field, settings.message);
    const changes = { ...settings, ...(name !== undefined && { name }), ...(input.slug != null && { slug: input.slug }) };
    try {
      const found = await database.transaction(async (sql) => {
        if (!(await updateOrganizationRow(sql, orgId, changes, clock.now()))) return false;
        await trail.write(sql, [trail.fact(caller, { type: 'organization.updated', data: { fields: Object.keys(changes) }, orgId })]);
        return true;
      });
      if (!found) return { kind: 'NotFound' };
    } catch (error) {
      if (isSlugTaken(error)) return { kind: 'Conflict' };
      throw error;
    }
    // What it asks of its members' sessions is compiled with what they may.
    permissions.forgetIn(orgId);
    trail.committed();
    return { kind: 'Organization', id: orgId };
  };

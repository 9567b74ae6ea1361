/** Who manages whose webhooks. */
import { forbidden } from '../access/denial.ts';
import type { Caller } from '../caller.ts';
import type { May } from '../organizations/may.ts';

export type EnterNeeds = { may: May };

/** Whether the owner (null: the platform) is there for the caller, who may manage its webhooks. Throws FORBIDDEN where it is, and he may not. */
export const enterWebhooks = async ({ may }: EnterNeeds, caller: Caller, orgId: string | null): Promise<boolean> => {
  if (orgId !== null) return may.enter(caller, orgId, 'org.webhooks.manage');
  if (!caller.permissions.has('webhooks.manage')) throw forbidden('webhooks.manage is needed.');
  return true;
};
/** The same of an endpoint that was named by its id: that the platform has it is told to nobody who may not manage it. */
export const reachEndpoint = async (needs: EnterNeeds, caller: Caller, { orgId }: { orgId: string | null }): Promise<boolean> =>
  orgId === null ? caller.permissions.has('webhooks.manage') : enterWebhooks(needs, caller, orgId);

/** Nobody has facts sent that he may not read. Throws FORBIDDEN. */
export const requireReading = async ({ may }: EnterNeeds, caller: Caller, orgId: string | null): Promise<void> => {
  const reads = orgId === null ? caller.permissions.has('audit.read') : await may.holds(caller, orgId, 'audit.read');
  if (!reads) throw forbidden('audit.read is needed there too.');
};

/** What a user may, compiled from roles and grants; and the pure decision on it. */

/** A permission given to one person. Null: in every organization, on everything, for good. */
export type Grant = {
  readonly id: string;
  readonly permission: string;
  readonly orgId: string | null;
  readonly resource: string | null;
  readonly expiresAt: Date | null;
};
/** One permission by one role, inherited ones too. Null: on the platform. */
export type Held = { readonly permission: string; readonly orgId: string | null; readonly role: string };

/** The strictest of what a user's organizations ask of sessions; null: nothing. */
export type SessionPolicy = { readonly requireMfa: boolean; readonly maxSessions: number | null; readonly idleSeconds: number | null };
export const noPolicy: SessionPolicy = { requireMfa: false, maxSessions: null, idleSeconds: null };

/** `reason` is a sentence for a person. */
export type Decision = { readonly allowed: boolean; readonly reason: string };
/** What a grant decides where it holds, until `ends` (by the clock, in ms; Infinity: for good). */
type Given = { readonly orgId: string | null; readonly ends: number; readonly decision: Decision };

/** Decisions are made here, with their reasons, so that asking for one is to find it. */
export type Compiled = {
  /** Whether the user may do anything at all. */
  readonly active: boolean;
  readonly policy: SessionPolicy;
  /** By permission: by the role it comes by, on the platform. */
  readonly platform: ReadonlyMap<string, Decision>;
  readonly organizations: ReadonlyMap<string, ReadonlyMap<string, Decision>>;
  /** By permission, then by resource (or none): what a decision has to look at, however many there are. */
  readonly grants: ReadonlyMap<string, ReadonlyMap<string | null, readonly Given[]>>;
  /** Permissions of roles on the platform, and of grants there without a resource and without an end. */
  readonly always: ReadonlySet<string>;
  /** Grants on the platform without a resource that have an end: they count until then. */
  readonly timed: readonly Grant[];
  /** Grants in organizations without a resource. */
  readonly there: readonly Grant[];
  /** When the first grant ends; null where none does. */
  readonly firstEnd: Date | null;
};

const until = ({ expiresAt }: Grant): string => (expiresAt ? ` until ${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC` : '');
const given = (grant: Grant): Given => ({
  orgId: grant.orgId,
  ends: grant.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
  decision: { allowed: true, reason: `By a grant${grant.resource === null ? '' : ' on this resource'}${until(grant)}.` },
});
const byResource = (grants: readonly Grant[]): Map<string | null, Given[]> =>
  new Map([...Map.groupBy(grants, ({ resource }) => resource)].map(([resource, those]) => [resource, those.map(given)]));

export const compile = (
  { active, policy }: { active: boolean; policy: SessionPolicy },
  held: readonly Held[],
  grants: readonly Grant[],
): Compiled => {
  const decisions = new Map<string, Decision>();
  const platform = new Map<string, Decision>();
  const organizations = new Map<string, Map<string, Decision>>();
  for (const { permission, orgId, role } of held) {
    const of = orgId === null ? platform : (organizations.get(orgId) ?? new Map<string, Decision>());
    if (orgId !== null) organizations.set(orgId, of);
    const reason = `By the role ${role} ${orgId === null ? 'on the platform' : 'in this organization'}.`;
    const decision = decisions.get(reason) ?? { allowed: true, reason };
    decisions.set(reason, decision);
    if (!of.has(permission)) of.set(permission, decision);
  }
  const ofPermissions = Map.groupBy(grants, ({ permission }) => permission);
  const wide = grants.filter((grant) => grant.orgId === null && grant.resource === null);
  const ends = grants.flatMap(({ expiresAt }) => (expiresAt ? [expiresAt.getTime()] : []));
  return {
    active,
    policy,
    platform,
    organizations,
    grants: new Map([...ofPermissions].map(([permission, those]) => [permission, byResource(those)])),
    always: new Set([...platform.keys(), ...wide.filter(({ expiresAt }) => expiresAt === null).map(({ permission }) => permission)]),
    timed: wide.filter(({ expiresAt }) => expiresAt !== null),
    there: grants.filter((grant) => grant.orgId !== null && grant.resource === null),
    firstEnd: ends.length === 0 ? null : new Date(Math.min(...ends)),
  };
};

const lives = (grant: Grant, now: Date): boolean => grant.expiresAt === null || grant.expiresAt > now;

/** What a user may on the platform, on everything, at `now`. */
export const platformPermissions = (compiled: Compiled, now: Date): ReadonlySet<string> => {
  const living = compiled.timed.filter((grant) => lives(grant, now));
  return living.length === 0 ? compiled.always : new Set([...compiled.always, ...living.map(({ permission }) => permission)]);
};

/** What a user may in one organization, on everything there, at `now`: by roles and grants in it. What he may on the platform comes on top. */
export const permissionsThere = (compiled: Compiled, orgId: string, now: Date): string[] => {
  const granted = compiled.there.filter((grant) => grant.orgId === orgId && lives(grant, now));
  return [...(compiled.organizations.get(orgId)?.keys() ?? []), ...granted.map(({ permission }) => permission)];
};

/**
 * Until when a user holds a permission on everything, on the platform or (`orgId`) in an organization: for good, to a date, or not at all
 * (null). What he gives others there lasts no longer.
 */
export const holdsUntil = (compiled: Compiled, permission: string, now: Date, orgId: string | null = null): 'always' | Date | null => {
  if (compiled.always.has(permission)) return 'always';
  if (orgId !== null && compiled.organizations.get(orgId)?.has(permission)) return 'always';
  const wide = [...compiled.timed, ...compiled.there.filter((grant) => grant.orgId === orgId)];
  const living = wide.filter((grant) => grant.permission === permission && lives(grant, now));
  if (living.some(({ expiresAt }) => expiresAt === null)) return 'always';
  const ends = living.flatMap(({ expiresAt }) => (expiresAt ? [expiresAt.getTime()] : []));
  return ends.length === 0 ? null : new Date(Math.max(...ends));
};

export type Question = { readonly permission: string; readonly orgId: string | null; readonly resource: string | null };

/** Whether a user may, and by what; null where neither a role nor a grant says so. */
export const decide = (compiled: Compiled, { permission, orgId, resource }: Question, now: Date): Decision | null => {
  const byRole = compiled.platform.get(permission) ?? (orgId === null ? undefined : compiled.organizations.get(orgId)?.get(permission));
  if (byRole) return byRole;
  const granted = compiled.grants.get(permission);
  if (!granted) return null;
  const at = now.getTime();
  for (const on of resource === null ? [null] : [null, resource])
    for (const { orgId: there, ends, decision } of granted.get(on) ?? [])
      if (ends > at && (there === null || there === orgId)) return decision;
  return null;
};

const resourceForm = /^[a-z][a-z_]{0,39}:[\w.@-]{1,120}$/i;
/** `type:id` as it is kept, in lower case; null where it is out of form. */
export const parseResource = (resource: string): string | null => (resourceForm.test(resource) ? resource.toLowerCase() : null);

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
/**
 * All that may decide about one permission: roles on the platform, roles by organization, grants on everything, and grants by resource; null where
 * there is none. Decisions are made when this is, with their reasons, so that asking for one is to find it, however many there are.
 */
type Standing = {
  platform: Decision | null;
  there: Map<string, Decision> | null;
  wide: Given[] | null;
  on: Map<string, Given[]> | null;
};

export type Compiled = {
  /** Whether the user may do anything at all. */
  readonly active: boolean;
  readonly policy: SessionPolicy;
  /** By permission. */
  readonly standings: ReadonlyMap<string, Readonly<Standing>>;
  /** The organizations in which the user has a role, with the permissions of it. */
  readonly organizations: ReadonlyMap<string, ReadonlySet<string>>;
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

/** Of several roles that give the same the first has it. */
const standingsOf = (held: readonly Held[], grants: readonly Grant[]): Map<string, Standing> => {
  const standings = new Map<string, Standing>();
  const of = (permission: string): Standing => {
    const known = standings.get(permission) ?? { platform: null, there: null, wide: null, on: null };
    standings.set(permission, known);
    return known;
  };
  const decisions = new Map<string, Decision>();
  for (const { permission, orgId, role } of held) {
    const reason = `By the role ${role} ${orgId === null ? 'on the platform' : 'in this organization'}.`;
    const decision = decisions.get(reason) ?? { allowed: true, reason };
    decisions.set(reason, decision);
    const standing = of(permission);
    if (orgId === null) standing.platform ??= decision;
    else {
      standing.there ??= new Map();
      if (!standing.there.has(orgId)) standing.there.set(orgId, decision);
    }
  }
  for (const grant of grants) {
    const standing = of(grant.permission);
    if (grant.resource === null) {
      standing.wide ??= [];
      standing.wide.push(given(grant));
    } else {
      standing.on ??= new Map();
      const there = standing.on.get(grant.resource) ?? [];
      there.push(given(grant));
      standing.on.set(grant.resource, there);
    }
  }
  return standings;
};

export const compile = (
  { active, policy }: { active: boolean; policy: SessionPolicy },
  held: readonly Held[],
  grants: readonly Grant[],
): Compiled => {
  const named = (those: readonly { permission: string }[]) => those.map(({ permission }) => permission);
  const places = Map.groupBy(held, ({ orgId }) => orgId);
  const wide = grants.filter((grant) => grant.orgId === null && grant.resource === null);
  const ends = grants.flatMap(({ expiresAt }) => (expiresAt ? [expiresAt.getTime()] : []));
  return {
    active,
    policy,
    standings: standingsOf(held, grants),
    organizations: new Map([...places].flatMap(([orgId, those]) => (orgId === null ? [] : [[orgId, new Set(named(those))]]))),
    always: new Set(named([...(places.get(null) ?? []), ...wide.filter(({ expiresAt }) => expiresAt === null)])),
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
  return [...(compiled.organizations.get(orgId) ?? []), ...granted.map(({ permission }) => permission)];
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

const living = (those: readonly Given[], orgId: string | null, at: number): Decision | null => {
  for (const { orgId: there, ends, decision } of those) if (ends > at && (there === null || there === orgId)) return decision;
  return null;
};

/** Whether a user may, and by what; null where neither a role nor a grant says so. */
export const decide = (compiled: Compiled, { permission, orgId, resource }: Question, now: Date): Decision | null => {
  const standing = compiled.standings.get(permission);
  if (!standing) return null;
  const { platform, there, wide, on } = standing;
  const byRole = platform ?? (orgId === null ? undefined : there?.get(orgId));
  if (byRole) return byRole;
  const at = now.getTime();
  return (wide && living(wide, orgId, at)) ?? (resource === null ? null : living(on?.get(resource) ?? [], orgId, at));
};

const [resourceForm, kept] = [/^[a-z][a-z_]{0,39}:[\w.@-]{1,120}$/i, /^[a-z][a-z_]{0,39}:[a-z0-9_.@-]{1,120}$/];
/** `type:id` as it is kept, in lower case; null where it is out of form. */
export const parseResource = (resource: string): string | null =>
  kept.test(resource) ? resource : resourceForm.test(resource) ? resource.toLowerCase() : null;

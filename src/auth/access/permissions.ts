/**
 * Users' compiled permissions, cached in each process; the log tells when they changed (src/events/tail.ts), and whoever has opened a stream on
 * them is told. A grant's end is asked at each use, so that none counts after it.
 */
import type { Clock, Database } from '../../infra/ports.ts';
import { type Compiled, permissionsThere, platformPermissions } from './model.ts';
import { loadCompiled } from './store.ts';

/** For so long an entry counts although the log could not be read: nobody hears then what changes. */
const unheardMs = 5_000;
/** Entries end by what the log says, and by this in any case. */
const oldestMs = 600_000;
const mostKept = 20_000;
/** `loaded`: what came of it, once it has. */
type Entry = { readonly loading: Promise<Compiled>; readonly askedAt: number; loaded: Compiled | null };
export type Permissions = ReturnType<typeof openPermissions>;

export const openPermissions = ({ database, clock }: { database: Database; clock: Clock }) => {
  // The oldest goes first: to keep an order of use would cost each decision more than it costs to read somebody anew.
  const cache = new Map<string, Entry>();
  let heardAt = clock.now().getTime();
  const watchers = new Map<string, Set<() => void>>();
  const counts = ({ askedAt }: Entry, at: number): boolean => at - Math.max(heardAt, askedAt) <= unheardMs && at - askedAt <= oldestMs;
  /** At once where they are known: a decision then waits for nothing. */
  const compiled = (userId: string, now: Date = clock.now()): Compiled | Promise<Compiled> => {
    const known = cache.get(userId);
    if (known && counts(known, now.getTime())) return known.loaded ?? known.loading;
    if (!cache.delete(userId) && cache.size >= mostKept) cache.delete(cache.keys().next().value as string);
    const entry: Entry = { loading: loadCompiled(database, userId, now), askedAt: now.getTime(), loaded: null };
    cache.set(userId, entry);
    entry.loading.then(
      (loaded) => {
        entry.loaded = loaded;
      },
      () => {
        if (cache.get(userId) === entry) cache.delete(userId);
      },
    );
    return entry.loading;
  };
  /** Those who may hold a role of the organization (null: anybody). Whoever holds one there holds a permission there: no role gives nothing. */
  const concerned = (orgId: string | null): string[] => {
    const users = new Set([...cache.keys(), ...watchers.keys()]);
    return [...users].filter((userId) => {
      const loaded = cache.get(userId)?.loaded;
      return orgId === null || !loaded || loaded.organizations.has(orgId);
    });
  };
  const tell = (userId: string): void => {
    for (const each of watchers.get(userId) ?? []) each();
  };
  const of = async (userId: string): Promise<ReadonlySet<string>> => platformPermissions(await compiled(userId), clock.now());
  return {
    compiled,
    /** Permissions on the platform at this moment; empty for a user who is not active. */
    of,
    /** Those of them that have no end: what one may hand on for good, by a role or to a program. */
    lasting: async (userId: string): Promise<ReadonlySet<string>> => (await compiled(userId)).always,
    /** Whether an administrator may still act as the user: as he was let at first, by what both hold now. */
    mayActAs: async (adminId: string, userId: string): Promise<boolean> => {
      const [own, theirs] = await Promise.all([of(adminId), of(userId)]);
      return own.has('users.impersonate') && [...theirs].every((permission) => own.has(permission));
    },
    /** What a token says: permissions on the platform and, for a session that speaks for an organization, those there. */
    scopes: async (userId: string, orgId: string | null): Promise<Iterable<string>> => {
      const known = await compiled(userId);
      const platform = platformPermissions(known, clock.now());
      return orgId === null ? platform : new Set([...platform, ...permissionsThere(known, orgId, clock.now())]);
    },
    /** What the user holds anywhere, on the platform or in an organization: what a key of his may name. */
    anywhere: async (userId: string): Promise<ReadonlySet<string>> => {
      const known = await compiled(userId);
      const there = [...known.organizations.keys()].flatMap((orgId) => permissionsThere(known, orgId, clock.now()));
      return new Set([...platformPermissions(known, clock.now()), ...there]);
    },
    /** The log has been read, as it was then: whatever changed before has been told. */
    caughtUp: (at: Date): void => {
      heardAt = at.getTime();
    },
    /** After an operation of this process: they are read anew. Whoever watches hears it from the log, once, like everywhere. */
    forget: (userId: string): void => {
      cache.delete(userId);
    },
    /** The same for a role: of an organization, or (null) of the platform. */
    forgetIn: (orgId: string | null): void => {
      for (const userId of concerned(orgId)) cache.delete(userId);
    },
    /** What the log said of a role. */
    changedIn: (orgId: string | null): void => {
      for (const userId of concerned(orgId)) {
        cache.delete(userId);
        tell(userId);
      }
    },
    /** What the log said: the user's permissions have changed, or may have. */
    changed: (userId: string): void => {
      cache.delete(userId);
      tell(userId);
    },
    /** Calls `changed` whenever the user's permissions may have changed; the function given ends that. */
    watch: (userId: string, changed: () => void): (() => void) => {
      const set = watchers.get(userId) ?? new Set();
      watchers.set(userId, set.add(changed));
      return () => {
        set.delete(changed);
        if (set.size === 0 && watchers.get(userId) === set) watchers.delete(userId);
      };
    },
  };
};

/** Making, rotating and deleting service clients. A secret is shown once; only its digest is kept. */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import type { Revoked } from '../sessions/revoked.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { readJwks } from './assertion.ts';
import { problemOf, rotationSeconds, type ServiceClient, unique } from './model.ts';
import { disableClient, insertClient, rotateSecret } from './store.ts';

export type ManageNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  trail: AuditTrail;
  revoked: Pick<Revoked, 'end'>;
  permissionsLasting: (userId: string) => Promise<ReadonlySet<string>>;
};
export type ServiceClientCreated = { readonly kind: 'ServiceClientCreated'; readonly client: ServiceClient; readonly clientSecret: string };
export type Deleted = { readonly kind: 'Deleted'; readonly id: string };

/** 256 bits; the prefix is what secret scanners, and our own log, know one by. */
const newSecret = (random: Random): string => `lks_${random.bytes(32).toString('base64url')}`;
/** No user: a client is its own, and outlives whoever made it. */
const about = (id: string) => ({ subjectId: null, resource: `service_client:${id}` });

/** What whoever manages a client may hand on to it: a client has no end, and so what a person holds for a while is not part of it. */
const holdings = async ({ permissionsLasting }: ManageNeeds, { identity, permissions }: Caller): Promise<ReadonlySet<string>> =>
  identity ? permissionsLasting(identity.userId) : permissions;

export const createServiceClient =
  (needs: ManageNeeds) =>
  async (
    caller: Caller,
    input: { name: string; permissions: readonly string[]; jwks?: unknown },
  ): Promise<ServiceClientCreated | Refused<'InvalidInput'>> => {
    const { database, clock, random, trail } = needs;
    const problem = problemOf(input, await holdings(needs, caller));
    if (problem) return problem;
    const jwks = input.jwks == null ? null : await readJwks(input.jwks);
    if (input.jwks != null && !jwks)
      return { kind: 'InvalidInput', field: 'input.jwks', message: 'A set of 1 to 10 public keys for signatures is needed (RFC 7517).' };
    const [at, clientSecret] = [clock.now(), newSecret(random)];
    const [id, name, permissions] = [random.uuid(at), input.name.trim(), unique(input.permissions)];
    const client = await database.transaction(async (sql) => {
      const made = await insertClient(sql, { id, name, permissions, jwks, secretHash: tokenDigest(clientSecret), at });
      const fact = { type: 'service_client.created', data: { name, permissions, jwks: jwks !== null } } as const;
      await trail.write(sql, [trail.fact(caller, { ...fact, ...about(id) })]);
      return made;
    });
    trail.committed();
    return { kind: 'ServiceClientCreated', client, clientSecret };
  };

/**
 * A new secret; the one before it counts for a day more, and any older one no longer. Only for whoever holds all that the client may: its
 * secret is as good as its permissions. A secret that has leaked wants a new client, and this one deleted.
 */
export const rotateServiceClientSecret =
  (needs: ManageNeeds) =>
  async (caller: Caller, input: { clientId: string }): Promise<ServiceClientCreated | Refused<'NotFound'>> => {
    if (!isUuid(input.clientId)) return { kind: 'NotFound' };
    const { database, clock, random, trail } = needs;
    const holder = await holdings(needs, caller);
    const id = input.clientId.toLowerCase();
    const clientSecret = newSecret(random);
    const previousUntil = new Date(clock.now().getTime() + rotationSeconds * 1000);
    const client = await database.transaction(async (sql) => {
      const change = { id, secretHash: tokenDigest(clientSecret), previousUntil, holder };
      const rotated = await rotateSecret(sql, change);
      if (rotated) await trail.write(sql, [trail.fact(caller, { type: 'service_client.secret_rotated', data: {}, ...about(id) })]);
      return rotated;
    });
    if (!client) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'ServiceClientCreated', client, clientSecret };
  };

/** Its tokens die with it: here at once, elsewhere within a second. */
export const deleteServiceClient =
  ({ database, clock, trail, revoked }: ManageNeeds) =>
  async (caller: Caller, input: { clientId: string }): Promise<Deleted | Refused<'NotFound'>> => {
    if (!isUuid(input.clientId)) return { kind: 'NotFound' };
    const id = input.clientId.toLowerCase();
    const deleted = await database.transaction(async (sql) => {
      if (!(await disableClient(sql, id, clock.now()))) return false;
      await trail.write(sql, [trail.fact(caller, { type: 'service_client.deleted', data: {}, ...about(id) })]);
      return true;
    });
    if (!deleted) return { kind: 'NotFound' };
    revoked.end([id]);
    trail.committed();
    return { kind: 'Deleted', id };
  };

/** A person's API keys: made by a person who is there, shown once, deleted at once. */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { lockActive } from '../passwords/store.ts';
import type { Revoked } from '../sessions/revoked.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import type { Deleted } from './clients.ts';
import { deleteKeyOf, insertApiKey } from './key-store.ts';
import { type ApiKey, apiKeyQuota, problemOf, unique } from './model.ts';

export type KeyNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  trail: AuditTrail;
  revoked: Pick<Revoked, 'end'>;
  permissionsAnywhere: (userId: string) => Promise<ReadonlySet<string>>;
};
export type ApiKeyCreated = { readonly kind: 'ApiKeyCreated'; readonly apiKey: ApiKey; readonly key: string };

export const createApiKey =
  ({ database, clock, random, trail, permissionsAnywhere }: KeyNeeds) =>
  async (
    caller: SignedInCaller,
    input: { name: string; permissions: readonly string[]; expiresAt?: Date | null },
  ): Promise<ApiKeyCreated | Refused<'InvalidInput' | 'QuotaExceeded'>> => {
    const at = clock.now();
    const expiresAt = input.expiresAt ?? null;
    // What its owner holds in an organization counts there alone, with the key too.
    const problem = problemOf(input, await permissionsAnywhere(caller.identity.userId));
    if (problem) return problem;
    if (expiresAt && expiresAt <= at) return { kind: 'InvalidInput', field: 'input.expiresAt', message: 'That time is over already.' };
    const prefix = `lk_${random.bytes(4).toString('hex')}`;
    const key = `${prefix}_${random.bytes(32).toString('base64url')}`;
    const { userId } = caller.identity;
    const [id, name, permissions] = [random.uuid(at), input.name.trim(), unique(input.permissions)];
    const apiKey = await database.transaction(async (sql) => {
      if (!(await lockActive(sql, userId))) throw unauthenticated();
      const made = await insertApiKey(sql, { id, userId, name, prefix, keyHash: tokenDigest(key), permissions, at, expiresAt });
      const data = { prefix, permissions, expiresAt: expiresAt?.toISOString() ?? null };
      if (made) await trail.write(sql, [trail.fact(caller, { type: 'api_key.created', data, resource: `api_key:${id}` })]);
      return made;
    });
    if (!apiKey) return { kind: 'QuotaExceeded', limit: apiKeyQuota };
    trail.committed();
    return { kind: 'ApiKeyCreated', apiKey, key };
  };

/** One of the caller's own; absent and not one's own are one answer. */
export const deleteApiKey =
  ({ database, trail, revoked }: KeyNeeds) =>
  async (caller: SignedInCaller, input: { apiKeyId: string }): Promise<Deleted | Refused<'NotFound'>> => {
    if (!isUuid(input.apiKeyId)) return { kind: 'NotFound' };
    const id = input.apiKeyId.toLowerCase();
    const prefix = await database.transaction(async (sql) => {
      const gone = await deleteKeyOf(sql, caller.identity.userId, id);
      if (gone)
        await trail.write(sql, [trail.fact(caller, { type: 'api_key.deleted', data: { prefix: gone }, resource: `api_key:${id}` })]);
      return gone;
    });
    if (!prefix) return { kind: 'NotFound' };
    revoked.end([id]);
    trail.committed();
    return { kind: 'Deleted', id };
  };

/** Devices that are not asked for the second factor for 30 days. Each proves itself by a token that only it has; the name it gives itself proves nothing. */
import type { Clock, Database, Random, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import type { Device } from '../sessions/device.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { trustSeconds } from './model.ts';

export type TrustedDevice = {
  id: string;
  userId: string;
  sessionId: string;
  name: string | null;
  browser: string | null;
  os: string | null;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | null;
};
export type TrustNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail };
export type TrustedDevices = ReturnType<typeof openTrustedDevices>;

const insert = statement(`INSERT INTO trusted_devices (id, user_id, session_id, token_hash, name, browser, os, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`);
const recognise = statement(
  'UPDATE trusted_devices SET last_used_at = $3 WHERE token_hash = $1 AND user_id = $2 AND expires_at > $3 RETURNING id',
);
const list =
  statement(`SELECT id, user_id AS "userId", session_id AS "sessionId", name, browser, os, created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt" FROM trusted_devices WHERE user_id = $1 AND expires_at > $2 ORDER BY id DESC`);
const forget = statement('DELETE FROM trusted_devices WHERE id = $1 AND user_id = $2 RETURNING id');
// The device a session trusted, and the one that session stood on.
const forgetOfSessions = statement(`DELETE FROM trusted_devices WHERE id IN (
  SELECT id FROM trusted_devices WHERE session_id = ANY($1::uuid[])
  UNION ALL SELECT trusted_device_id FROM sessions WHERE id = ANY($1::uuid[]) AND trusted_device_id IS NOT NULL) RETURNING id`);
// A session that stands on it stands on its password alone from now on.
const leave = statement(
  'UPDATE sessions SET trusted_device_id = NULL WHERE user_id = $1 AND trusted_device_id = $2 AND revoked_at IS NULL',
);
const forgetAll = statement('DELETE FROM trusted_devices WHERE user_id = $1 RETURNING id');
const sweep = statement('DELETE FROM trusted_devices WHERE expires_at < $1');

/** In a transaction: nobody's word but a second factor's counts on these sessions' devices from now on. */
export const forgetTrustOfSessions = async (sql: Sql, sessionIds: readonly string[]): Promise<void> => {
  if (sessionIds.length > 0) await sql.run(forgetOfSessions, [sessionIds]);
};
/** In a transaction: the password or a factor of the user has changed. */
export const forgetAllTrust = async (sql: Sql, userId: string): Promise<void> => {
  await sql.run(forgetAll, [userId]);
};

export const openTrustedDevices = ({ database, clock, random, trail }: TrustNeeds) => ({
  /** A device to be trusted once the sign-in is complete. */
  prepare: (userId: string, device: Device) => {
    const token = random.bytes(32).toString('base64url');
    return {
      token,
      insert: async (sql: Sql, caller: Caller, sessionId: string): Promise<void> => {
        const at = clock.now();
        const [id, expiresAt] = [random.uuid(at), new Date(at.getTime() + trustSeconds * 1000)];
        await sql.run(insert, [id, userId, sessionId, tokenDigest(token), device.name, device.browser, device.os, at, expiresAt]);
        const who = { actorId: userId, subjectId: userId, sessionId };
        await trail.write(sql, [trail.fact(caller, { type: 'device.trusted', data: { device: id }, ...who })]);
      },
    };
  },
  /** The id of the user's trusted device that has this token; null where there is none. */
  recognise: async (userId: string, token: string | null | undefined): Promise<string | null> =>
    token ? ((await database.run<{ id: string }>(recognise, [tokenDigest(token), userId, clock.now()]))[0]?.id ?? null) : null,
  list: (userId: string): Promise<TrustedDevice[]> => database.run<TrustedDevice>(list, [userId, clock.now()]),
  forget: async (caller: SignedInCaller, input: { deviceId: string }): Promise<{ kind: 'Deleted'; id: string } | Refused<'NotFound'>> => {
    const { userId } = caller.identity;
    if (!isUuid(input.deviceId)) return { kind: 'NotFound' };
    const gone = await database.transaction(async (sql) => {
      if ((await sql.run(forget, [input.deviceId, userId])).length === 0) return false;
      await sql.run(leave, [userId, input.deviceId]);
      await trail.write(sql, [trail.fact(caller, { type: 'device.untrusted', data: { device: input.deviceId } })]);
      return true;
    });
    if (!gone) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'Deleted', id: input.deviceId };
  },
  sweep: async (): Promise<void> => {
    await database.run(sweep, [clock.now()]);
  },
});

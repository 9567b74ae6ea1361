/** A database with authenticator secrets under a KMS, and what rewraps them: for tests that need no whole house. */

import { openTrail } from '../../src/auth/audit/record.ts';
import { totpSecrets } from '../../src/auth/mfa/totp.ts';
import { openSeals } from '../../src/auth/seals/index.ts';
import { createLog } from '../../src/infra/log.ts';
import { createMemoryFanout } from '../../src/infra/memory/fanout.ts';
import type { Kms } from '../../src/infra/ports.ts';
import { openDatabase } from '../../src/infra/postgres/database.ts';
import { systemRandom } from '../../src/infra/random.ts';
import { movableClock } from './clock.ts';
import { freshDatabase } from './database.ts';

export type SealedRow = { id: string; userId: string; secret: string };

export const openSealed = async (kms: Kms) => {
  const lines: string[] = [];
  const log = createLog({ LOG_LEVEL: 'debug' }, { write: (line) => void lines.push(line) });
  const { url, drop } = await freshDatabase();
  const database = openDatabase({ url, size: 10, log });
  const clock = movableClock();
  const needs = { database, clock, random: systemRandom, fanout: createMemoryFanout(log) };
  const sql = <R = Record<string, unknown>>(text: string, values: unknown[] = []) => database.run<R>({ name: '', text }, values);
  const contextOf = ({ id, userId }: SealedRow) => totpSecrets.context({ id, user_id: userId });
  const seal = (row: SealedRow, by = kms): Promise<Buffer> => by.seal(Buffer.from(row.secret), contextOf(row));

  /** Users with one authenticator each. */
  const fill = async (count: number): Promise<SealedRow[]> => {
    const now = clock.now();
    const rows = Array.from({ length: count }, (_, n) => ({
      id: systemRandom.uuid(now),
      userId: systemRandom.uuid(now),
      secret: `secret ${n}`,
    }));
    const sealed = await Promise.all(rows.map((row) => seal(row)));
    await sql(`INSERT INTO users (id, status, created_at, updated_at) SELECT unnest($1::uuid[]), 'ACTIVE', $2, $2`, [
      rows.map((row) => row.userId),
      now,
    ]);
    await sql(
      `INSERT INTO mfa_methods (id, user_id, type, created_at, setup_ends_at, sealed_secret)
       SELECT id, user_id, 'TOTP', $4, $4, sealed FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS given (id, user_id, sealed)`,
      [rows.map((row) => row.id), rows.map((row) => row.userId), sealed, now],
    );
    return rows;
  };
  const sealedOf = async ({ id }: Pick<SealedRow, 'id'>): Promise<Buffer> =>
    (await sql<{ sealed: Buffer }>('SELECT sealed_secret AS sealed FROM mfa_methods WHERE id = $1', [id]))[0]!.sealed;
  return {
    url,
    sql,
    clock,
    lines,
    seal,
    fill,
    sealedOf,
    put: ({ id }: Pick<SealedRow, 'id'>, sealed: Buffer) => sql('UPDATE mfa_methods SET sealed_secret = $1 WHERE id = $2', [sealed, id]),
    opened: async (row: SealedRow, by = kms): Promise<string> => (await by.open(await sealedOf(row), contextOf(row))).toString(),
    /** Those of another process, with its own KMS. */
    seals: (by = kms) => openSeals({ ...needs, kms: by, log, trail: openTrail(needs) }),
    facts: () => sql<{ data: object }>(`SELECT data FROM audit_events WHERE type = 'seals.rewrapped' ORDER BY seq`),
    close: async () => {
      await database.close();
      await drop();
    },
  };
};
export type Sealed = Awaited<ReturnType<typeof openSealed>>;

/**
 * Writing an export, behind the requests: part by part, each compressed and sealed before it is kept, so that neither the whole of it nor anything
 * readable lies about. Each part is one conditional statement: whoever goes on after a process that was killed begins with the next one.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock, Database, Kms, Random } from '../../infra/ports.ts';
import type { Facts } from '../audit/list.ts';
import type { SealedColumn } from '../seals/model.ts';
import { formats, personalFormat, toldOf } from './format.ts';
import type { ExportRow } from './model.ts';
import { readPersonal } from './personal.ts';
import { appendPart, findExport } from './store.ts';

const partContext = (id: string) => ({ purpose: 'export_part', id });
export const exportParts: SealedColumn = {
  table: 'export_parts',
  column: 'sealed',
  key: 'id',
  keyType: 'uuid',
  needs: [],
  context: (row) => partContext(row['id'] as string),
};

const compress = promisify(gzip);
const partRows = 1_000;
export type WriteNeeds = { database: Database; clock: Clock; random: Random; kms: Kms; facts: Facts };

const formatOf = async (database: Database, { kind, format, owner_id, created_at, parts }: ExportRow) => {
  if (kind === 'AUDIT') return formats[format];
  return personalFormat(parts === 0 ? { exportedAt: created_at, ...(await readPersonal(database, owner_id)) } : {});
};

/** Writes what is left of the export, if anything. Throws where the database or the KMS is away: the queue tries again. */
export const writeExport =
  (needs: WriteNeeds) =>
  async (id: string): Promise<void> => {
    const { database, clock, random, kms, facts } = needs;
    for (;;) {
      const row = await findExport(database, id);
      if (!row || (row.status !== 'PENDING' && row.status !== 'RUNNING')) return;
      const { visible, cursor, parts } = row;
      const window = { after: cursor, before: null, backwards: false, limit: partRows };
      const read = await facts.read({ ...visible, from: dateOf(visible.from), to: dateOf(visible.to) }, window);
      const last = read.length < partRows;
      const format = await formatOf(database, row);
      const told = read.map((fact) => toldOf(fact, row.owner_id, row.sees_addresses));
      const text = (parts === 0 ? format.head : '') + format.rows(told, row.rows === 0) + (last ? format.tail : '');
      const partId = random.uuid(clock.now());
      const sealed = await kms.seal(await compress(text), exportParts.context({ id: partId }));
      const part = { number: parts, id: partId, rows: read.length, cursor: read.at(-1)?.id ?? null, last, sealed };
      if (!(await appendPart(database, id, part))) return;
    }
  };
/** As JSON keeps it. */
const dateOf = (kept: unknown): Date | null => (typeof kept === 'string' ? new Date(kept) : null);

/** Fetching what was written, by its link. Whoever has the link has what it opens, until it is over, and as long as its owner may read it. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock, Database, Kms, Limiter, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Origin } from '../caller.ts';
import { contentTypes } from './format.ts';
import { type ExportRow, type Links, statusOf } from './model.ts';
import { findExport, findPart } from './store.ts';
import { exportParts } from './write.ts';

const expand = promisify(gunzip);
export type DownloadNeeds = {
  database: Database;
  clock: Clock;
  kms: Kms;
  limiter: Limiter;
  trail: AuditTrail;
  links: Links;
  /** Whether the user still sees everybody's facts: of an organization, or of all. */
  stillSees(userId: string, orgId: string | null): Promise<boolean>;
};
/** Fetches of one export: each is a fact, and its link asks nobody who he is. */
const fetches: Rate = { limit: 30, seconds: 3_600 };

export type Download = { contentType: string; fileName: string; parts: AsyncGenerator<Buffer> };

/** Null: the token opens nothing (any more); `retryAfterSeconds`: it was fetched too often. `fetch`: whether it is read, which is a fact, and not only asked about. */
export const openDownload =
  (needs: DownloadNeeds) =>
  async (origin: Origin, token: string, fetch: boolean): Promise<Download | { retryAfterSeconds: number } | null> => {
    const { database, clock, trail } = needs;
    const id = needs.links.idOf(token);
    const row = id === null ? undefined : await findExport(database, id);
    if (!row || statusOf(row, clock.now()) !== 'READY' || !row.active) return null;
    const { personId, orgId } = row.visible;
    // With addresses it is for holders of audit.read on the platform alone, also where it is of one organization.
    const where = row.sees_addresses ? null : (orgId ?? null);
    if (personId === null && !(await needs.stillSees(row.owner_id, where))) return null;
    if (fetch) {
      const place = await needs.limiter.take(`export fetched:${row.id}`, fetches);
      if (!place.allowed) return { retryAfterSeconds: place.retryAfterSeconds };
      const data = { export: row.id };
      await trail.write(database, [trail.fact(origin, { type: 'export.downloaded', data, subjectId: row.owner_id, orgId: orgId ?? null })]);
      trail.committed();
    }
    const name = row.kind === 'AUDIT' ? 'audit' : 'my-data';
    const fileName = `${name}-${row.created_at.toISOString().slice(0, 10)}.${row.format.toLowerCase()}`;
    return { contentType: contentTypes[row.format], fileName, parts: partsOf(needs, row) };
  };

async function* partsOf({ database, kms }: DownloadNeeds, { id, parts }: ExportRow): AsyncGenerator<Buffer> {
  for (let number = 0; number < parts; number += 1) {
    const part = await findPart(database, id, number);
    if (!part) throw new Error(`part ${number} of the export is gone`);
    yield expand(await kms.open(part.sealed, exportParts.context({ id: part.id })));
  }
}

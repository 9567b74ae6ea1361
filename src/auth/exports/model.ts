/** The nouns of exports, and the links by which they are fetched. */
import { createHmac } from 'node:crypto';
import { sameSecret } from '../../infra/same-secret.ts';
import type { Visible } from '../audit/visible.ts';

export type ExportFormat = 'JSON' | 'CSV' | 'NDJSON';
/** `EXPIRED` is told by the clock. */
export type ExportStatus = 'PENDING' | 'RUNNING' | 'READY' | 'FAILED' | 'EXPIRED';
export type ExportKind = 'AUDIT' | 'PERSONAL';

/** More facts are not exported at once: of the log ask for a shorter time; of his own data everybody has a copy, whatever he has done. */
export const mostRows = { AUDIT: 100_000, PERSONAL: 2_000_000 } as const;
/** How long a link opens what was written: of the log a day, of somebody's data an hour. */
export const openSeconds = { AUDIT: 86_400, PERSONAL: 3_600 } as const;
/** What has not been written by then will not be. */
export const writtenWithinMs = 3_600_000;

/** An export as its owner sees it. `progress`: 0 to 1. */
export type Export = {
  readonly id: string;
  readonly format: ExportFormat;
  readonly status: ExportStatus;
  readonly rows: number;
  readonly progress: number;
  /** Null until it is READY, and after it has expired. */
  readonly downloadUrl: string | null;
  readonly expiresAt: Date;
  readonly createdAt: Date;
};
/** … and as the one who writes it needs it. */
export type ExportRow = {
  readonly id: string;
  readonly kind: ExportKind;
  readonly owner_id: string;
  readonly session_id: string;
  readonly format: ExportFormat;
  readonly status: Exclude<ExportStatus, 'EXPIRED'>;
  readonly visible: Visible;
  readonly sees_addresses: boolean;
  readonly rows: number;
  readonly total: number;
  readonly parts: number;
  readonly cursor: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
};

/** A token that opens one export: its id and a MAC of it under a secret of the house, so that none is kept. 43 + 1 + 36 characters. */
export type Links = ReturnType<typeof openLinks>;
export const openLinks = (secret: Buffer, publicUrl: string) => {
  const macOf = (id: string) => createHmac('sha256', secret).update(`export:${id}`).digest('base64url');
  return {
    urlOf: (id: string): string => `${publicUrl}/export?token=${id}.${macOf(id)}`,
    /** The id of the export that the token opens; null for what this house has not made. */
    idOf: (token: string): string | null => {
      const [id = '', mac = ''] = token.split('.');
      return sameSecret(mac, macOf(id)) ? id : null;
    },
  };
};

export const statusOf = ({ status, expires_at }: Pick<ExportRow, 'status' | 'expires_at'>, now: Date): ExportStatus =>
  expires_at <= now ? 'EXPIRED' : status;
export const exportFrom = (row: ExportRow, links: Links, now: Date): Export => {
  const status = statusOf(row, now);
  return {
    id: row.id,
    format: row.format,
    status,
    rows: row.rows,
    progress: row.status === 'READY' ? 1 : Math.min(0.99, row.rows / Math.max(1, row.total)),
    downloadUrl: status === 'READY' ? links.urlOf(row.id) : null,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
  };
};

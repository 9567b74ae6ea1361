/** The nouns of exports. */
import type { Exports } from '../../auth/exports/index.ts';
import type { Export } from '../../auth/exports/model.ts';
import { AuditEventFilter } from '../audit/audit.ts';
import { builder, Node } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

export const ExportFormat = builder.enumType('ExportFormat', { values: ['JSON', 'CSV', 'NDJSON'] as const });
export const ExportStatus = builder.enumType('ExportStatus', { values: ['PENDING', 'RUNNING', 'READY', 'FAILED', 'EXPIRED'] as const });
export const ExportAuditInput = builder.inputType('ExportAuditInput', {
  fields: (t) => ({ format: t.field({ type: ExportFormat, required: true }), filter: t.field({ type: AuditEventFilter }) }),
});
export const AuditExport = builder.objectRef<Export>('AuditExport').implement({
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    format: t.expose('format', { type: ExportFormat }),
    status: t.expose('status', { type: ExportStatus }),
    rows: t.exposeInt('rows', { description: 'How many events have been written.' }),
    progress: t.exposeFloat('progress', { description: '0 to 1.' }),
    downloadUrl: t.expose('downloadUrl', {
      type: 'URL',
      nullable: true,
      description: 'There once it is READY, until it expires. Whoever has it has what it opens.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
export const AuditExportResult = resultUnion<OutcomeOf<Exports['auditEvents']>>('AuditExportResult', {
  AuditExport,
  ExportTooLarge: problems.ExportTooLarge,
  TooManyAttempts: problems.TooManyAttempts,
});

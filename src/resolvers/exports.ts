/** The exports room's verbs. */
import { builder } from '../schema/builder.ts';
import { AuditExport, AuditExportResult, ExportAuditInput } from '../schema/exports/exports.ts';

builder.queryField('auditExport', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: AuditExport,
    nullable: true,
    door: {
      open: 'signedIn',
      inPerson: true,
      asOneself: true,
      note: 'Whoever asked for it; a copy of his own data in the session alone that asked for it.',
    },
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { auth, caller }) => auth.exports.find(caller, id),
  }),
);

builder.mutationField('exportAuditEvents', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: AuditExportResult,
    door: {
      open: 'signedIn',
      inPerson: true,
      asOneself: true,
      note: 'What the caller may read by auditEvents, newest first, as it is now.',
    },
    args: { input: t.arg({ type: ExportAuditInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.exports.auditEvents(caller, input),
  }),
);

builder.mutationField('exportMyData', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: AuditExportResult,
    door: { open: 'signedIn', stepUp: 'always' },
    description: 'Everything held about the viewer, as an export that audit downloads share (GDPR article 15 and 20).',
    resolve: (_root, _args, { auth, caller }) => auth.exports.myData(caller),
  }),
);

/** The door of the exports room. */
import { type DownloadNeeds, openDownload } from './download.ts';
import { writtenWithinMs } from './model.ts';
import { exportAuditEvents, exportMyData, findOwnExport, type RequestNeeds } from './request.ts';
import { sweepExports } from './store.ts';
import { type WriteNeeds, writeExport } from './write.ts';

export type Exports = ReturnType<typeof openExports>;

export const openExports = (needs: RequestNeeds & WriteNeeds & DownloadNeeds) => ({
  auditEvents: exportAuditEvents(needs),
  myData: exportMyData(needs),
  find: findOwnExport(needs),
  download: openDownload(needs),
  /** For the back door alone. */
  write: writeExport(needs),
  sweep: () => sweepExports(needs.database, needs.clock.now(), new Date(needs.clock.now().getTime() - writtenWithinMs)),
});

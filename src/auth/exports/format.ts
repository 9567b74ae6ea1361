/** How facts are written: JSON (RFC 8259, one array), NDJSON (one object a line), CSV (RFC 4180, with a header). Pure. */
import type { FactRow } from '../audit/model.ts';
import { seesWhereFrom } from '../audit/visible.ts';
import type { ExportFormat } from './model.ts';

export const columns = [
  'id',
  'type',
  'occurredAt',
  'outcome',
  'actorId',
  'actorClient',
  'impersonatorId',
  'subjectId',
  'organizationId',
  'sessionId',
  'resource',
  'ipAddress',
  'userAgent',
  'requestId',
  'data',
] as const;
export type Told = Record<(typeof columns)[number], unknown>;

/** Where the actor was, and in which session, is told as AuditEvent tells it: to whoever sees all addresses, and of what the owner did himself, or nobody known did. */
export const toldOf = (fact: FactRow, ownerId: string, seesAddresses: boolean): Told => {
  const seen = seesWhereFrom(fact, { all: seesAddresses, userId: ownerId });
  const where = <T>(part: T): T | null => (seen ? part : null);
  return {
    id: fact.id,
    type: fact.type,
    occurredAt: fact.occurred_at,
    outcome: fact.outcome,
    actorId: fact.actor_id,
    actorClient: fact.actor_client,
    impersonatorId: fact.impersonator_id,
    subjectId: fact.subject_id,
    organizationId: fact.org_id,
    sessionId: where(fact.session_id),
    resource: fact.resource,
    ipAddress: where(fact.ip_address),
    userAgent: where(fact.user_agent),
    requestId: where(fact.request_id),
    data: fact.data,
  };
};

/** Spreadsheets take a cell that begins so for a formula (OWASP, CSV injection): an apostrophe makes it text. */
const formula = /^[=+\-@\t\r\n]/;
const cell = (value: unknown): string => {
  if (value === null) return '';
  const text = value instanceof Date ? value.toISOString() : typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

type Written = { head: string; rows(told: readonly Told[], first: boolean): string; tail: string };
const json: Written = {
  head: '[',
  rows: (told, first) => told.map((row, at) => `${first && at === 0 ? '\n' : ',\n'}${JSON.stringify(row)}`).join(''),
  tail: '\n]\n',
};
export const formats: Record<ExportFormat, Written> = {
  JSON: json,
  NDJSON: { head: '', rows: (told) => told.map((row) => `${JSON.stringify(row)}\n`).join(''), tail: '' },
  CSV: {
    head: `${columns.join(',')}\r\n`,
    rows: (told) => told.map((row) => `${columns.map((name) => cell(row[name])).join(',')}\r\n`).join(''),
    tail: '',
  },
};
/** What a copy of somebody's data is: an object whose last member are the facts, written as they come. */
export const personalFormat = (about: Record<string, unknown>): Written => ({
  ...json,
  head: `${JSON.stringify(about).slice(0, -1)},"events":[`,
  tail: '\n]}\n',
});
export const contentTypes: Record<ExportFormat, string> = {
  JSON: 'application/json; charset=utf-8',
  NDJSON: 'application/x-ndjson; charset=utf-8',
  CSV: 'text/csv; charset=utf-8; header=present',
};

/** Asking for an export, and asking how far it is. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import type { Facts } from '../audit/list.ts';
import type { AuditTrail } from '../audit/record.ts';
import { type FactFilter, type MayIn, mayReadIn, type Visible, visibleFacts } from '../audit/visible.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { findOwner } from '../mfa/store.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { type Export, type ExportFormat, type ExportKind, exportFrom, type Links, mostRows, openSeconds } from './model.ts';
import { findExport, insertExport } from './store.ts';

export type RequestNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  facts: Facts;
  mayIn: MayIn;
  links: Links;
  config: { RATE_LIMIT_EXPORT: Rate };
};
export type ExportOutcome = ({ readonly kind: 'AuditExport' } & Export) | Refused<'ExportTooLarge' | 'TooManyAttempts'>;

type Wanted = { kind: ExportKind; format: ExportFormat; visible: Visible; seesAddresses: boolean };
const request = async (needs: RequestNeeds, caller: SignedInCaller, wanted: Wanted): Promise<ExportOutcome> => {
  const { database, clock, random, trail, post, links } = needs;
  const { userId, sessionId } = caller.identity;
  const place = await needs.limiter.take(`export:${userId}`, needs.config.RATE_LIMIT_EXPORT);
  if (!place.allowed) return { kind: 'TooManyAttempts', retryAfterSeconds: place.retryAfterSeconds };
  const now = clock.now();
  // What comes later is not in it: an export says how things were when it was asked for.
  const visible = { ...wanted.visible, to: wanted.visible.to && wanted.visible.to < now ? wanted.visible.to : now };
  const limit = mostRows[wanted.kind];
  const total = await needs.facts.count(visible, limit + 1);
  if (total > limit) return { kind: 'ExportTooLarge', limit };
  const id = random.uuid(now);
  const data = { export: id, kind: wanted.kind, format: wanted.format };
  const { orgId } = visible;
  const fact = trail.fact(caller, { type: 'export.requested', data, ...(orgId && { orgId }) });
  const owner = wanted.kind === 'PERSONAL' ? await findOwner(database, userId) : null;
  const letter = { at: now.toISOString(), ip: caller.ip };
  const queue = await post.prepare(
    ...(owner?.email ? [{ name: 'data-exported' as const, to: owner.email, locale: owner.locale, data: letter }] : []),
  );
  const made = await database.transaction(async (sql) => {
    await trail.write(sql, [fact]);
    await queue(sql);
    return insertExport(sql, {
      id,
      kind: wanted.kind,
      owner_id: userId,
      session_id: sessionId,
      format: wanted.format,
      visible,
      sees_addresses: wanted.seesAddresses,
      total,
      created_at: now,
      expires_at: new Date(now.getTime() + openSeconds[wanted.kind] * 1000),
    });
  });
  trail.committed();
  return { kind: 'AuditExport', ...exportFrom(made, links, now) };
};

/** Of what the caller may read by `auditEvents`, newest first. Throws the denials BAD_REQUEST and FORBIDDEN as that does. */
export const exportAuditEvents =
  (needs: RequestNeeds) =>
  async (caller: SignedInCaller, input: { format: ExportFormat; filter?: FactFilter | null }): Promise<ExportOutcome> => {
    const visible = visibleFacts(caller, input.filter, await mayReadIn(needs.mayIn, caller, input.filter));
    return request(needs, caller, { kind: 'AUDIT', format: input.format, visible, seesAddresses: caller.permissions.has('audit.read') });
  };

/** Everything held about the caller (GDPR articles 15 and 20), as JSON; the owner is told by mail. */
export const exportMyData =
  (needs: RequestNeeds) =>
  async (caller: SignedInCaller): Promise<ExportOutcome> =>
    request(needs, caller, {
      kind: 'PERSONAL',
      format: 'JSON',
      visible: { personId: caller.identity.userId },
      seesAddresses: false,
    });

/** The caller's own; a copy of his data only in the session that asked for it. Null: there is none for him. */
export const findOwnExport =
  ({ database, clock, links }: Pick<RequestNeeds, 'database' | 'clock' | 'links'>) =>
  async (caller: SignedInCaller, id: string): Promise<Export | null> => {
    const row = isUuid(id) ? await findExport(database, id.toLowerCase()) : undefined;
    const { userId, sessionId } = caller.identity;
    if (!row || row.owner_id !== userId || (row.kind === 'PERSONAL' && row.session_id !== sessionId)) return null;
    return exportFrom(row, links, clock.now());
  };

/** The first check of what divides tenants, held over all the SQL there is: whoever touches an organization's rows says which organization, or is on this list with the reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../src/auth', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const owned = /\b(?:FROM|JOIN|UPDATE|INTO)\s+(org_members|invitations|role_assignments|permission_grants|roles|webhook_endpoints)\b/g;
/** Strings of a file that read or write such rows. */
const statementsOf = (text: string): string[] =>
  [...text.matchAll(/`[^`]*`|'[^'\n]*'/g)].map(([literal]) => literal).filter((literal) => [...literal.matchAll(owned)].length > 0);

/** By file and a piece of the statement: why no organization is named. */
const excused: Record<string, [piece: string, why: string][]> = {
  'access/role-store.ts': [
    ['WHERE r.id = ANY($1::uuid[])', 'by ids that were read from something visible, or compared with the place before anything is done'],
    ['UPDATE roles SET description', 'by the id of a role whose organization was entered'],
    ['DELETE FROM roles r', 'by the id of a role whose organization was entered'],
  ],
  'access/store.ts': [
    ['WITH RECURSIVE person', 'everything a user holds, each with its organization'],
    ['DELETE FROM permission_grants WHERE expires_at', 'sweeps what counts nowhere'],
    ['SELECT org_id AS "orgId", permission FROM permission_grants', 'asks which organization it is'],
  ],
  'organizations/store.ts': [
    ['count(*)::int AS n FROM org_members m JOIN roles r ON r.id = m.role_id\n  WHERE m.user_id = $1', 'how many a user owns, to himself'],
    ['SELECT org_id FROM invitations', 'asks which organization it is'],
    ['FROM invitations WHERE token_hash', 'asks who sent it, whose token is 256 bits'],
    ['FROM invitations i WHERE i.id', 'shows what the same operation has just made'],
  ],
  'exports/personal.ts': [
    ['FROM org_members m\n', 'where a user is, to himself'],
    ['FROM invitations i', 'who has invited a user, to himself'],
    ['FROM role_assignments a', 'what a user holds, to himself'],
  ],
  'users/dashboard.ts': [['count(*)::int FROM org_members WHERE user_id = $1', 'how many a user is in, to himself']],
  'organizations/departure.ts': [['SELECT o.id FROM organizations o', 'every organization of a user who is deleted']],
  'webhooks/store.ts': [
    ['FROM webhook_endpoints w WHERE w.id = $1', 'asks which organization it is'],
    ['UPDATE webhook_endpoints SET failing_since', 'what came of an attempt, by the id of the endpoint that it was for'],
    ['SELECT 1 FROM webhook_endpoints', 'whether anybody has one'],
    ['pg_snapshot_xmin(w.created_snapshot)', 'since when anybody has one'],
  ],
  'webhooks/queue-store.ts': [
    ['WHERE d.endpoint_id = $1', 'by the id of an endpoint that the caller has been shown'],
    ['WHERE d.id = $1 AND w.disabled_at IS NULL', 'asks which organization it is'],
    ['FOR UPDATE SKIP LOCKED', 'everybody’s, each with its organization, which what is sent is bound to'],
    ['INSERT INTO webhook_deliveries', 'everybody’s: which facts are whose was decided in project.ts, by the organization'],
    ['NOT EXISTS (SELECT 1 FROM webhook_endpoints', 'sweeps what nobody has'],
    ['w.disabled_at IS NOT NULL', 'sweeps what nobody is sent'],
  ],
  'organizations/members.ts': [
    ['FROM org_members m WHERE m.user_id', 'where a user is, to himself and holders of users.read'],
    ['FROM org_members WHERE user_id', 'how many that are'],
  ],
};

describe('every statement about an organization’s rows', () => {
  const found = files.flatMap((file) => statementsOf(readFileSync(join(root, file), 'utf8')).map((statement) => ({ file, statement })));
  const named = /\borg_id\s*(?:=|IS NOT DISTINCT FROM|IS NULL)|\(org_id\b|, org_id\b|roleOf|\$\{of\}/;
  const unnamed = found.filter(({ statement }) => !named.test(statement));

  it('is one of at least twenty-five', () => {
    expect(found.length).toBeGreaterThanOrEqual(25);
  });
  it('names the organization, or says why it need not', () => {
    const left = unnamed.filter(({ file, statement }) => !excused[file]?.some(([piece]) => statement.includes(piece)));
    expect(left).toEqual([]);
  });
  it('has no excuse that excuses nothing', () => {
    for (const [file, list] of Object.entries(excused))
      for (const [piece] of list)
        expect([file, piece, unnamed.some((one) => one.file === file && one.statement.includes(piece))]).toEqual([file, piece, true]);
  });
});

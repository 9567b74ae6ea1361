/**
 * A user who is deleted leaves every organization. One that has others and no other owner keeps him: he hands it over first. One that nobody
 * else is in goes with him. In two steps, with all locks in the first: the user's row before those of organizations, as whoever changes
 * members takes them (`holdFromErasure`), so that nobody deadlocks and nobody is added meanwhile.
 */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { holdForErasure } from '../users/erase.ts';
import { deleteMember } from './store.ts';

const lockAll = statement(`SELECT o.id FROM organizations o
  WHERE o.id IN (SELECT m.org_id FROM org_members m WHERE m.user_id = $1) ORDER BY o.id FOR NO KEY UPDATE`);
const places = statement(`SELECT o.id, o.name, r.name AS role, r.name = 'owner' AND r.built_in AS owns, count(u.id)::int AS others,
    count(u.id) FILTER (WHERE u.status = 'ACTIVE' AND ur.name = 'owner' AND ur.built_in)::int AS "otherOwners"
  FROM org_members m JOIN organizations o ON o.id = m.org_id JOIN roles r ON r.id = m.role_id
    LEFT JOIN org_members um ON um.org_id = m.org_id AND um.user_id <> m.user_id
    LEFT JOIN roles ur ON ur.id = um.role_id LEFT JOIN users u ON u.id = um.user_id AND u.status <> 'DELETED'
  WHERE m.user_id = $1 GROUP BY o.id, o.name, r.name, r.built_in ORDER BY o.id`);
const remove = statement('DELETE FROM organizations WHERE id = $1');

type Place = { id: string; name: string; role: string; owns: boolean; others: number; otherOwners: number };
export type Places = readonly Place[];

/** Where the user is, held to the end of the transaction. Comes before anything is written. */
export const holdPlaces = async (sql: Sql, userId: string): Promise<Places> => {
  await holdForErasure(sql, userId);
  await sql.run(lockAll, [userId]);
  return sql.run<Place>(places, [userId]);
};

/** What keeps the user: an organization with others in it that would be without an owner. */
export const lastOwnerOf = (held: Places): Refused<'LastOwner'> | null => {
  const kept = held.filter(({ owns, others, otherOwners }) => owns && others > 0 && otherOwners === 0);
  if (kept.length === 0) return null;
  return { kind: 'LastOwner', message: `Hand over first what has no other owner: ${kept.map(({ name }) => name).join(', ')}.` };
};

export const leavePlaces = async (trail: AuditTrail, sql: Sql, caller: SignedInCaller, userId: string, held: Places): Promise<void> => {
  for (const { id: orgId, role, others } of held) {
    await deleteMember(sql, orgId, userId);
    if (others === 0) await sql.run(remove, [orgId]);
    const left = { type: 'organization.member_removed', data: { role }, orgId, subjectId: userId } as const;
    const gone = { type: 'organization.deleted', data: {}, orgId, subjectId: null } as const;
    await trail.write(sql, [trail.fact(caller, left), ...(others === 0 ? [trail.fact(caller, gone)] : [])]);
  }
};

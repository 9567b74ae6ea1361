/**
 * The arithmetic of the seals: what a fact's digest is, and the root over a batch of them. Pure; anybody can compute it again from what an export tells.
 *
 * - digest of a fact: SHA-256 of its canonical JSON (RFC 8785), with the members of `sealedMembers`;
 * - entry: the id's 16 bytes, then the digest's 32;
 * - root: the Merkle Tree Hash of RFC 9162 §2.1.1 with SHA-256 over the entries.
 */
import { hash } from 'node:crypto';
import type { FactRow } from './model.ts';

export const entrySize = 48;

/** RFC 8785: members by the order of their UTF-16 code units, everything else as JSON.stringify writes it. Takes what JSON has, and dates as text. */
export const canonical = (value: unknown): string => {
  if (value instanceof Date || value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
};

const sha256 = (data: string | Buffer): Buffer => hash('sha256', data, 'buffer');
export const digestOf = (text: string): Buffer => sha256(text);

/** All that a fact says; where it stands in the log is kept by the order of the entries. */
const sealedMembers = [
  'id',
  'type',
  'occurred_at',
  'outcome',
  'actor_id',
  'actor_client',
  'impersonator_id',
  'subject_id',
  'org_id',
  'session_id',
  'resource',
  'ip_address',
  'user_agent',
  'request_id',
  'data',
] as const satisfies readonly (keyof FactRow)[];
type Forgotten = Exclude<keyof FactRow, (typeof sealedMembers)[number]>;
const nothingIsForgotten: [Forgotten] extends [never] ? true : never = true;

const idBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');
export const idOf = (entry: Buffer): string => entry.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The entry of a fact in its batch: 48 bytes. */
export const entryOf = (fact: FactRow): Buffer => {
  const said = Object.fromEntries(sealedMembers.map((name) => [name, fact[name]]));
  return Buffer.concat([idBytes(fact.id), nothingIsForgotten && digestOf(canonical(said))]);
};

/** The entries that `bytes` holds one after the other. */
export const entriesIn = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.floor(bytes.length / entrySize) }, (_, at) => bytes.subarray(at * entrySize, (at + 1) * entrySize));

const [leaf, node] = [Buffer.of(0), Buffer.of(1)];
/** The root over at least one entry. An odd node at the end of a level goes up as it is, which gives the tree of RFC 9162. */
export const rootOf = (entries: readonly Buffer[]): Buffer => {
  let level = entries.map((entry) => sha256(Buffer.concat([leaf, entry])));
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at] as Buffer, level[at + 1]];
      above.push(right ? sha256(Buffer.concat([node, left, right])) : left);
    }
    level = above;
  }
  const [root] = level;
  if (!root) throw new Error('a seal covers at least one fact');
  return root;
};

/** The arithmetic of the seals, against the documents it follows. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonical, digestOf, entriesIn, entryOf, idOf, rootOf } from '../../../src/auth/audit/merkle.ts';
import type { FactRow } from '../../../src/auth/audit/model.ts';
import { chainedTo, sealKey, statementOf, type Unsigned } from '../../../src/auth/audit/seal.ts';

const fact: FactRow = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  type: 'user.login',
  occurred_at: new Date('2026-01-02T03:04:05.678Z'),
  outcome: 'SUCCESS',
  actor_id: '01890a5d-ac96-774b-bcce-000000000001',
  actor_client: null,
  impersonator_id: null,
  subject_id: null,
  org_id: null,
  session_id: null,
  resource: null,
  ip_address: '192.0.2.1',
  user_agent: 'a "browser"\n',
  request_id: 'r1',
  data: { b: [1, { y: 'ü', x: null }], a: true },
};

describe('canonical JSON', () => {
  it('is that of the example of RFC 8785 §3.2.3: members by their UTF-16 code units', () => {
    const given = JSON.parse(
      String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
    );
    expect(Object.values(JSON.parse(canonical(given)))).toHaveLength(7);
    expect([...canonical(given).matchAll(/:"(\w+)/g)].map(([, word]) => word)).toEqual([
      'Carriage',
      'One',
      'Control',
      'Latin',
      'Euro',
      'Emoji',
      'Hebrew',
    ]);
  });
  it('writes numbers, texts and nesting as RFC 8785 §3.2.2 does', () => {
    const numbers = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"literals":[null,true,false]}',
    );
    expect(canonical(numbers)).toBe('{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}');
  });
});

describe('an entry', () => {
  it('is the id and the digest of all that the fact says, whatever the order of its members', () => {
    const entry = entryOf(fact);
    expect(entry).toHaveLength(48);
    expect(idOf(entry)).toBe(fact.id);
    const text =
      '{"actor_client":null,"actor_id":"01890a5d-ac96-774b-bcce-000000000001","data":{"a":true,"b":[1,{"x":null,"y":"ü"}]},"id":"01890a5d-ac96-774b-bcce-b302099a8057","impersonator_id":null,"ip_address":"192.0.2.1","occurred_at":"2026-01-02T03:04:05.678Z","org_id":null,"outcome":"SUCCESS","request_id":"r1","resource":null,"session_id":null,"subject_id":null,"type":"user.login","user_agent":"a \\"browser\\"\\n"}';
    expect(entry.subarray(16)).toEqual(createHash('sha256').update(text).digest());
    expect(entryOf(Object.fromEntries(Object.entries(fact).toReversed()) as FactRow)).toEqual(entry);
  });
  it.each(Object.keys(fact) as (keyof FactRow)[])('is another one where %s is', (name) => {
    const other = { data: { a: false }, occurred_at: new Date(0), id: '01890a5d-ac96-774b-bcce-b302099a8058' }[name as string] ?? 'other';
    expect(entryOf({ ...fact, [name]: other })).not.toEqual(entryOf(fact));
  });
});

describe('a root', () => {
  const entries = Array.from({ length: 40 }, (_, n) => entryOf({ ...fact, request_id: String(n) }));
  /** RFC 9162 §2.1.1, word by word. */
  const treeHash = (list: Buffer[]): Buffer => {
    const sha = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
    if (list.length === 1) return sha(Buffer.of(0), list[0] as Buffer);
    let k = 1;
    while (k * 2 < list.length) k *= 2;
    return sha(Buffer.of(1), treeHash(list.slice(0, k)), treeHash(list.slice(k)));
  };
  it('is the Merkle Tree Hash of RFC 9162 for each number of entries from 1 to 40', () => {
    for (let n = 1; n <= entries.length; n += 1) expect(rootOf(entries.slice(0, n))).toEqual(treeHash(entries.slice(0, n)));
    expect(entriesIn(Buffer.concat(entries))).toEqual(entries);
    expect(() => rootOf([])).toThrow('at least one');
  });
});

describe('a signature', () => {
  // RFC 8032 §7.1, test 1.
  const key = sealKey(Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'));
  const seal: Unsigned = {
    number: 2,
    events: 3,
    total: 5,
    firstAt: new Date(0),
    lastAt: new Date(1),
    sealedAt: new Date(2),
    root: digestOf('root'),
    previous: digestOf('previous'),
  };
  it('is that of RFC 8032 for its seed', () => {
    expect(key.sign('').toString('hex')).toMatch(/^e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155/);
    expect(key.kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
  it.each(Object.keys(seal) as (keyof Unsigned)[])('is void where %s is another one', (name) => {
    const value = seal[name];
    const other = typeof value === 'number' ? value + 1 : value instanceof Date ? new Date(9) : digestOf('other');
    const signature = key.sign(statementOf(seal));
    expect(key.verify(statementOf(seal), signature)).toBe(true);
    expect(key.verify(statementOf({ ...seal, [name]: other }), signature)).toBe(false);
    expect(chainedTo({ ...seal, [name]: other })).not.toEqual(chainedTo(seal));
  });
});

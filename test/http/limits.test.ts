/** Each limit with what is just below it and what is just above. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/http/limits.ts';
import { type Door, openDoor } from './kit.ts';
import { type Answer, type Asked, get, post, sse, ws } from './transports.ts';

const times = (count: number, text: (index: number) => string): string => Array.from({ length: count }, (_, i) => text(i)).join(' ');
const nested = (depth: number): string => `{ me ${'{ friend '.repeat(depth - 2)}{ id }${' }'.repeat(depth - 2)} }`;
const list = (depth: number): string => `{ any(value: ${'['.repeat(depth)}${']'.repeat(depth)}) }`;
const json = (depth: number): Asked => ({
  query: 'query ($v: JSON) { any(value: $v) }',
  variables: { v: JSON.parse('['.repeat(depth) + ']'.repeat(depth)) },
});
/** Each level of fragments doubles what the one below asks for. */
const doubling = (levels: number): string =>
  `{ me { ...F${levels} } } fragment F0 on Person { a: id b: name } ${times(levels, (i) => `fragment F${i + 1} on Person { x: friend { ...F${i} } y: friend { ...F${i} } }`)}`;

type Case = { title: string; below: Asked; above: Asked; says: RegExp };
const cases: Case[] = [
  {
    title: 'the length of the query',
    below: { query: `{ who }${' '.repeat(limits.queryLength - 7)}` },
    above: { query: `{ who }${' '.repeat(limits.queryLength - 6)}` },
    says: /too long/,
  },
  {
    title: 'tokens',
    below: { query: `{ any(value: [${times(limits.tokens - 9, () => '1')}]) }` },
    above: { query: `{ any(value: [${times(limits.tokens - 8, () => '1')}]) }` },
    says: /tokens/,
  },
  { title: 'depth', below: { query: nested(limits.depth) }, above: { query: nested(limits.depth + 1) }, says: /too deep/ },
  {
    title: 'depth through fragments',
    below: { query: '{ me { ...F } } fragment F on Person { friend { id } }' },
    above: { query: `${nested(limits.depth).replace('{ id }', '{ ...F }')} fragment F on Person { friend { id } }` },
    says: /too deep/,
  },
  {
    title: 'aliases',
    below: { query: `{ me { ${times(50, (i) => `a${i}: id`)} } }` },
    above: { query: `{ me { ${times(51, (i) => `a${i}: id`)} } }` },
    says: /aliases/,
  },
  { title: 'aliases that fragments multiply', below: { query: doubling(3) }, above: { query: doubling(5) }, says: /aliases/ },
  {
    title: 'root fields',
    below: { query: `{ ${times(50, (i) => `a${i}: who`)} }` },
    above: { query: `{ ${times(50, (i) => `a${i}: who`)} who }` },
    says: /root fields/,
  },
  {
    title: 'one field in one place',
    below: { query: `{ ${times(30, () => 'who')} }` },
    above: { query: `{ ${times(31, () => 'who')} }` },
    says: /too often/,
  },
  {
    title: 'one field in one place, through fragments',
    below: { query: `{ me { ${times(15, () => '... { id id }')} } }` },
    above: { query: `{ me { id ${times(15, () => '... { id id }')} } }` },
    says: /too often/,
  },
  {
    title: 'directives',
    below: { query: `{ me { ${times(50, (i) => `... @include(if: true) { ${i % 2 ? 'id' : 'name'} }`)} } }` },
    above: { query: `{ me { ${times(51, (i) => `... @include(if: true) { ${i % 2 ? 'id' : 'name'} }`)} } }` },
    says: /directives/,
  },
  {
    title: 'nesting of a value in the document',
    below: { query: list(limits.valueDepth) },
    above: { query: list(limits.valueDepth + 1) },
    says: /nested too deep/,
  },
  { title: 'nesting of the variables', below: json(limits.valueDepth), above: json(limits.valueDepth + 1), says: /nested too deep/ },
  {
    title: 'fragments',
    below: {
      query: `{ me { ${times(50, (i) => `...F${i}`)} } } ${times(50, (i) => `fragment F${i} on Person { ${i % 2 ? 'id' : 'name'} }`)}`,
    },
    above: { query: `{ me { ${times(51, (i) => `...F${i}`)} } } ${times(51, (i) => `fragment F${i} on Person { id }`)}` },
    says: /fragments/,
  },
  {
    title: 'operations',
    below: { query: times(20, (i) => `query Q${i} { who }`), operationName: 'Q1' },
    above: { query: times(21, (i) => `query Q${i} { who }`), operationName: 'Q1' },
    says: /operations/,
  },
  // 1 + n * (1 + 98 * 1): people, friends and their ids.
  {
    title: 'cost',
    below: { query: '{ people(first: 50) { friends(first: 98) { id } } }' },
    above: { query: '{ people(first: 50) { friends(first: 99) { id } } }' },
    says: /costs too much/,
  },
  {
    title: 'cost that a variable decides',
    below: { query: 'query ($n: Int) { people(first: $n) { friends(first: 98) { id } } }', variables: { n: 50 } },
    above: { query: 'query ($n: Int) { people(first: $n) { friends(first: 98) { id } } }', variables: { n: 51 } },
    says: /costs too much/,
  },
];
const lanes: Record<string, (url: string, asked: Asked) => Promise<Answer>> = { POST: post, GET: get, SSE: sse, WebSocket: ws };

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.drain());

describe.each(Object.entries(lanes))('over %s', (name, lane) => {
  // 16 KiB of query do not fit into a URL.
  const fitting = name === 'GET' ? cases.filter(({ title }) => !['the length of the query', 'fragments'].includes(title)) : cases;
  it.each(fitting)('$title: just below passes, just above is a clear BAD_REQUEST', async ({ below, above, says }) => {
    const passed = await lane(door.url, below);
    expect(passed.errors).toBeUndefined();
    expect(passed.data).toBeTruthy();
    const refused = await lane(door.url, above);
    expect(refused.data).toBeUndefined();
    expect(refused.errors?.[0]?.extensions['code']).toBe('BAD_REQUEST');
    expect(refused.errors?.[0]?.message).toMatch(says);
  });
});

describe('what limits protect', () => {
  it('forty aliased attempts in one document are let through, for the limiter of attempts to count', async () => {
    const answer = await post(door.url, { query: `mutation { ${times(40, (i) => `a${i}: login(password: "x")`)} }` });
    expect(Object.keys(answer.data as object)).toHaveLength(40);
  });

  it('a fragment that refers to itself is refused', async () => {
    const answer = await post(door.url, { query: '{ me { ...F } } fragment F on Person { friend { ...F } }' });
    expect(answer.errors?.[0]).toMatchObject({ message: 'A fragment refers to itself.', extensions: { code: 'BAD_REQUEST' } });
  });

  it('the introspection query of GraphiQL and code generators is within the limits', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const answer = await post(door.url, {
      query: getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true, schemaDescription: true, specifiedByUrl: true }),
    });
    expect(answer.errors).toBeUndefined();
  });

  it('the worst documents within the limits cost less than half a second of processor', async () => {
    // What the rule on conflicting fields compares pair by pair: many fields of one name, side by side or through fragments.
    const worst = [
      `{ me { ${times(30, (i) => `...F${i}`)} } } ${times(30, (i) => `fragment F${i} on Person { friend { friend { friend { id name age email verified } } } }`)}`,
      `{ me { ${times(25, (i) => `...A${i}`)} } } ${times(25, (i) => `fragment A${i} on Person { friend { ${times(25, (j) => `...B${j}`)} } }`)} ${times(25, (i) => `fragment B${i} on Person { friend { id } }`)}`,
      `{ me { ${times(30, () => `... { friend { friend { friend { id name age email verified } } } }`)} } }`,
    ];
    for (const query of worst) {
      // Of the processor, not of the clock: other tests run at the same time.
      const began = process.cpuUsage();
      const answer = await post(door.url, { query });
      const { user, system } = process.cpuUsage(began);
      expect(answer.errors).toBeUndefined();
      expect((user + system) / 1000).toBeLessThan(500);
    }
  });
});

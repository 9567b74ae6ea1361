/** The same operations have the same answers, whichever way they come in. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Door, openDoor } from './kit.ts';
import { password } from './schema.ts';
import { type Answer, type Asked, get, post, sse, ws } from './transports.ts';

type Lane = (url: string, asked: Asked, headers?: Record<string, string>) => Promise<Answer>;
/** Often enough for graphql-jit to have taken over. */
const hot: Lane = async (url, asked, headers) => {
  for (let i = 0; i < 12; i += 1) await post(url, asked, headers);
  return post(url, asked, headers);
};
const lanes: Record<string, Lane> = {
  'the direct lane': post,
  'the direct lane, compiled': hot,
  GET: get,
  'an event stream': sse,
  'a WebSocket': ws,
};

type Case = { title: string; asked: Asked; headers?: Record<string, string>; data?: unknown; code?: string; details?: object };
const me = { id: '1', name: 'Ada', email: 'ada@example.com', age: 36, verified: true };
const cases: Case[] = [
  { title: 'a query', asked: { query: '{ me { id name email age verified } }' }, data: { me } },
  { title: 'an alias', asked: { query: '{ you: me { id } }' }, data: { you: { id: '1' } } },
  { title: 'a fragment', asked: { query: '{ me { ...F } } fragment F on Person { id name }' }, data: { me: { id: '1', name: 'Ada' } } },
  {
    title: 'a variable',
    asked: { query: 'query ($t: String!) { echo(text: $t) }', variables: { t: 'ä"\\\u2028' } },
    data: { echo: 'ä"\\\u2028' },
  },
  {
    title: 'a variable that is an input object',
    asked: { query: 'query ($w: Where) { echo(text: "x", where: $w) }', variables: { w: { name: 'n', kind: 'CAT' } } },
    data: { echo: 'x' },
  },
  {
    title: 'an absent variable with a default',
    asked: { query: 'query ($n: Int = 2) { people(first: $n) { id } }' },
    data: { people: [{ id: '1' }, { id: '1' }] },
  },
  {
    title: '@include and @skip',
    asked: { query: 'query ($a: Boolean!) { me { id @include(if: $a) name @skip(if: $a) } }', variables: { a: true } },
    data: { me: { id: '1' } },
  },
  {
    title: 'an operation by its name',
    asked: { query: 'query A { who } query B { me { id } }', operationName: 'B' },
    data: { me: { id: '1' } },
  },
  { title: 'an anonymous caller', asked: { query: '{ who permissions }' }, data: { who: 'nobody', permissions: [] } },
  {
    title: 'a signed-in caller',
    asked: { query: '{ who permissions }' },
    headers: { authorization: 'Bearer good-root' },
    data: { who: 'root', permissions: ['users.read'] },
  },
  { title: 'a denial of a field that may not be null', asked: { query: '{ denied }' }, data: null, code: 'UNAUTHENTICATED' },
  {
    title: 'a rate limit',
    asked: { query: '{ limited }' },
    data: { limited: null },
    code: 'RATE_LIMITED',
    details: { retryAfterSeconds: 7 },
  },
  { title: 'a step-up', asked: { query: '{ stepUp }' }, data: { stepUp: null }, code: 'STEP_UP_REQUIRED', details: { methods: ['TOTP'] } },
  { title: 'a door of the schema', asked: { query: '{ doored }' }, data: { doored: null }, code: 'FORBIDDEN' },
  { title: 'a part that is away', asked: { query: '{ away }' }, data: null, code: 'UNAVAILABLE', details: { retryAfterSeconds: 3 } },
  { title: 'a database that Prisma cannot reach', asked: { query: '{ prismaAway }' }, data: null, code: 'UNAVAILABLE' },
  { title: 'a fault', asked: { query: '{ broken }' }, data: null, code: 'INTERNAL' },
  { title: 'a value that does not fit its type', asked: { query: '{ unfit }' }, data: null, code: 'INTERNAL' },
  { title: 'null where none may be', asked: { query: '{ missing }' }, data: null, code: 'INTERNAL' },
  {
    title: 'a fault beside a good field',
    asked: { query: '{ who limited }' },
    data: { who: 'nobody', limited: null },
    code: 'RATE_LIMITED',
  },
  { title: 'an unknown field', asked: { query: '{ me { nam } }' }, code: 'BAD_REQUEST' },
  { title: 'a document that does not parse', asked: { query: `{ me { ${password}` }, code: 'BAD_REQUEST' },
  { title: 'a literal of the wrong type', asked: { query: `{ echo(text: ${password.replaceAll('-', '_')}) }` }, code: 'BAD_REQUEST' },
  { title: 'a missing variable', asked: { query: 'query ($t: String!) { echo(text: $t) }' }, code: 'BAD_REQUEST' },
  { title: 'a null variable', asked: { query: 'query ($t: String!) { echo(text: $t) }', variables: { t: null } }, code: 'BAD_REQUEST' },
  {
    title: 'a variable of the wrong type',
    asked: { query: 'query ($t: String!) { echo(text: $t) }', variables: { t: { [password]: password } } },
    code: 'BAD_REQUEST',
  },
  {
    title: 'a variable out of an enum',
    asked: { query: 'query ($w: Where) { echo(text: "x", where: $w) }', variables: { w: { name: 'n', kind: 'CAB' } } },
    code: 'BAD_REQUEST',
  },
  {
    title: 'an unknown field of an input',
    asked: { query: 'query ($w: Where) { echo(text: "x", where: $w) }', variables: { w: { nam: 'n' } } },
    code: 'BAD_REQUEST',
  },
  { title: 'an unknown operation', asked: { query: 'query A { who }', operationName: password }, code: 'BAD_REQUEST' },
  { title: 'several operations and no name', asked: { query: 'query A { who } query B { who }' }, code: 'BAD_REQUEST' },
  {
    title: 'an operation that costs too much',
    asked: { query: '{ people(first: 100) { friends(first: 60) { id } } }' },
    code: 'BAD_REQUEST',
  },
  {
    title: 'an operation nested too deep',
    asked: { query: `{ me ${'{ friend '.repeat(12)}{ id }${' }'.repeat(12)} }` },
    code: 'BAD_REQUEST',
  },
];

describe.each(Object.entries(lanes))('over %s', (_name, lane) => {
  let door: Door;
  beforeAll(async () => {
    door = await openDoor();
  });
  afterAll(() => door.drain());

  it.each(cases)('$title is answered as everywhere else', async ({ asked, headers, data, code, details }) => {
    const answer = await lane(door.url, asked, headers);
    expect(answer.data).toEqual(data);
    expect(answer.errors?.[0]?.extensions['code']).toBe(code);
    if (details) expect(answer.errors?.[0]?.extensions).toMatchObject(details);
    const words = JSON.stringify(answer.errors ?? []);
    expect(words).not.toContain('hunter2');
    expect(words).not.toMatch(/Did you mean|10\.0\.0\.7|db\.internal|stack/);
  });

  it('a fault is masked and can be found in the log by its request id', async () => {
    const answer = await lane(door.url, { query: '{ broken }' });
    const { message, extensions } = answer.errors![0]!;
    expect(message).toBe('Something broke on our side.');
    const line = door.lines.find((one) => one['requestId'] === extensions['requestId'] && one['level'] === 'error');
    expect(line?.['msg']).toBe('a request failed');
    if (answer.headers['x-request-id']) expect(answer.headers['x-request-id']).toBe(extensions['requestId']);
  });
});

describe('status codes of GraphQL over HTTP', () => {
  let door: Door;
  beforeAll(async () => {
    door = await openDoor();
  });
  afterAll(() => door.drain());
  const both = { POST: post, GET: get };

  it.each(Object.entries(both))('%s: application/graphql-response+json has 400 for a refused document', async (_name, lane) => {
    for (const accept of ['application/graphql-response+json', '*/*', 'application/*;q=0.5']) {
      const answer = await lane(door.url, { query: '{ nothing }' }, { accept });
      expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/graphql-response+json; charset=utf-8']);
    }
  });
  it.each(Object.entries(both))('%s: application/json has 200 for every well-formed request', async (_name, lane) => {
    const answer = await lane(door.url, { query: '{ nothing }' }, { accept: 'application/json' });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  });
  it.each(Object.entries(both))('%s: data that is partly there has 200', async (_name, lane) => {
    expect((await lane(door.url, { query: '{ who partlyAway }' })).status).toBe(200);
  });
  it.each(Object.entries(both))('%s: nothing but an unavailable part has 503 and Retry-After', async (_name, lane) => {
    const answer = await lane(door.url, { query: '{ away }' });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '3']);
  });
  it.each(Object.entries(both))('%s: a bad token is 401 for the whole request', async (_name, lane) => {
    for (const authorization of ['Bearer bad', 'Bearer ', 'Basic dTpw', 'good-ada', 'Bearer good-ada extra']) {
      const answer = await lane(door.url, { query: '{ who }' }, { authorization });
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"']);
      expect(answer.data).toBeUndefined();
      expect(answer.errors?.[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED' });
    }
  });
  it.each(Object.entries(both))('%s: a token that cannot be judged is 503, never anonymous', async (_name, lane) => {
    const answer = await lane(door.url, { query: '{ who }' }, { authorization: 'Bearer away' });
    expect([answer.status, answer.headers['retry-after'], answer.data]).toEqual([503, '2', undefined]);
  });
  it.each(Object.entries(both))('%s: a form that nobody has is 406', async (_name, lane) => {
    expect((await lane(door.url, { query: '{ who }' }, { accept: 'image/png, application/json;q=0' })).status).toBe(406);
  });
  it.each(Object.entries(both))('%s: a subscription without a stream is 406', async (_name, lane) => {
    expect((await lane(door.url, { query: 'subscription { ticks(to: 1) }' })).status).toBe(406);
  });
});

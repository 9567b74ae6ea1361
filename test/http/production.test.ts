/** What production does not show, on every transport. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Door, openDoor, production } from './kit.ts';
import { get, http, post, sse, ws } from './transports.ts';

const lanes = { POST: post, GET: get, SSE: sse, WebSocket: ws };
let closed: Door;
let open: Door;
beforeAll(async () => {
  closed = await openDoor({ ...production, PORT: '0' });
  open = await openDoor({ ...production, PORT: '0', SUBGRAPH_SDL: 'on' });
});
afterAll(() => Promise.all([closed.drain(), open.drain()]));

describe.each(Object.entries(lanes))('in production, over %s', (_name, lane) => {
  it.each([
    '{ __schema { types { name } } }',
    '{ __type(name: "Query") { name } }',
    '{ ...F } fragment F on Query { a: __schema { queryType { name } } }',
  ])('%s is refused', async (query) => {
    const answer = await lane(closed.url, { query });
    expect(answer.data).toBeUndefined();
    expect(answer.errors?.[0]).toMatchObject({ message: 'Introspection is off.', extensions: { code: 'BAD_REQUEST' } });
  });

  it('__typename still answers', async () => {
    expect((await lane(closed.url, { query: '{ __typename }' })).data).toEqual({ __typename: 'Query' });
  });

  it("the subgraph's SDL is served only where SUBGRAPH_SDL says so", async () => {
    const query = '{ _service { sdl } }';
    expect((await lane(closed.url, { query })).errors?.[0]?.message).toBe('The SDL is not served.');
    expect((await lane(open.url, { query })).data).toMatchObject({ _service: { sdl: expect.stringContaining('type Query') } });
  });

  it('no message suggests a name of the schema', async () => {
    const near = [
      '{ wh }',
      '{ me { nam } }',
      '{ echo(tex: "x") }',
      '{ me { id @includ(if: true) } }',
      'query ($w: Wher) { echo(text: "x", where: $w) }',
    ];
    const asked = [
      ...near.map((query) => ({ query })),
      { query: 'query ($w: Where) { echo(text: "x", where: $w) }', variables: { w: { nam: 1, kind: 'CA' } } },
    ];
    for (const one of asked) {
      const answer = await lane(closed.url, one);
      expect(answer.errors?.length).toBeGreaterThan(0);
      expect(JSON.stringify(answer.errors)).not.toMatch(/Did you mean|\bwho\b|"name"|CAT|@include\b|"Where"/);
    }
  });
});

it('GraphiQL is a page of development alone', async () => {
  const door = await openDoor({ NODE_ENV: 'development' });
  const page = await http(`${door.url}/graphql`, { headers: { accept: 'text/html' } });
  expect([page.status, page.text.includes('GraphiQL')]).toEqual([200, true]);
  const refused = await http(`${closed.url}/graphql`, { headers: { accept: 'text/html' } });
  expect(refused.status).toBe(406);
  expect(refused.text).not.toContain('GraphiQL');
  await door.drain();
});

it('answers say that https is the only way where PUBLIC_URL is https', async () => {
  expect((await http(`${closed.url}/health`)).headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
});

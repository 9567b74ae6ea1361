/**
 * The other lane: GET, event streams (GraphQL over SSE, distinct connections) and GraphiQL go through graphql-yoga, which knows their
 * forms. It is handed parameters that were read and checked here, and asks the same engine.
 */
import { createYoga } from 'graphql-yoga';
import { rateLimited } from '../auth/access/denial.ts';
import { contentTypes, type Form, formOf } from './accept.ts';
import type { Callers } from './caller.ts';
import { CookieReply, csrfHeaderName } from './cookies.ts';
import type { Engine, Result, Results } from './engine.ts';
import { badRequest, tell } from './errors.ts';
import type { Desk, Exchange } from './exchange.ts';
import { refuse, refuseThrown, runCounted, statusOf, type Taken } from './lane.ts';
import { paramsOfUrl } from './params.ts';
import type { Streams } from './streams.ts';

type Served = { exchange: Exchange; answer: Result | Results };

/** GraphiQL's page brings all of its own scripts and styles with it: nothing is fetched from elsewhere. */
const graphiqlPolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

export const openYoga = (needs: { desk: Desk; engine: Engine; callers: Callers; streams: Streams }) => {
  const { desk, engine, callers, streams } = needs;
  const yoga = createYoga<Served>({
    graphqlEndpoint: '/graphql',
    graphiql: desk.config.production ? false : { title: 'Latchkey' },
    // Nine megabytes of page: loaded when somebody opens it.
    renderGraphiQL: async (options) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(options),
    landingPage: false,
    logging: false,
    // All of these are done before Yoga is asked, once for both lanes.
    cors: false,
    multipart: false,
    maskedErrors: false,
    parserAndValidationCache: false,
    plugins: [
      {
        onParams({ context, setResult }) {
          setResult((context as unknown as Served).answer as never);
        },
      },
    ],
  });

  /** Prepares and runs; null when it has been answered. */
  const answer = async (exchange: Exchange, { params, caller, form }: Taken, reply: CookieReply): Promise<Result | Results | null> => {
    const streaming = form === 'stream';
    const ready = engine.prepare(params);
    if ('refused' in ready) {
      desk.metrics.operation('sse', 'none', 'BAD_REQUEST');
      refuse(exchange, desk, form === 'json' ? 200 : 400, ready.refused, form);
      return null;
    }
    const { kind } = ready.operation;
    if (kind === 'mutation' && exchange.req.method !== 'POST') {
      refuse(exchange, desk, 405, [badRequest('A mutation has to be sent by POST.')], form, ['allow', 'POST']);
      return null;
    }
    if (kind !== 'subscription') return runCounted({ exchange, desk, engine, transport: 'sse' }, ready, caller, reply);
    if (!streaming) {
      refuse(exchange, desk, 406, [badRequest('A subscription needs Accept: text/event-stream, or a WebSocket.')], form);
      return null;
    }
    if (!streams.admits(caller.network)) {
      refuse(exchange, desk, 429, [tell(rateLimited(10), { requestId: caller.requestId, log: desk.log })], form, ['retry-after', '10']);
      return null;
    }
    exchange.operation = ready.operation.name ?? kind;
    const results = await engine.subscribe(ready, caller, reply);
    desk.metrics.operation('sse', kind, 'errors' in results ? (results.errors?.[0]?.extensions.code ?? 'ok') : 'ok');
    if (Symbol.asyncIterator in results) streams.add(exchange.res, results, caller);
    return results;
  };

  const serve = async (exchange: Exchange, taken: Taken): Promise<void> => {
    const reply = new CookieReply();
    const answered = await answer(exchange, taken, reply);
    if (answered === null) return;
    // One form, settled here, is what Yoga is asked for, so that both lanes negotiate alike.
    exchange.req.headers.accept = contentTypes[taken.form].split(';')[0];
    const { status, headers } =
      'next' in answered || taken.form === 'stream' ? { status: 200, headers: [] } : statusOf(answered, taken.form);
    for (const cookie of reply.cookies) headers.push('set-cookie', cookie);
    const res = exchange.lend([...desk.cors.headersFor(exchange.req), ...headers]);
    const withStatus = 'next' in answered ? answered : { ...answered, extensions: { http: { status } } };
    // What Yoga takes for the body of a request that was read before it.
    Object.assign(exchange.req, { body: taken.params });
    await yoga(exchange.req, res, { exchange, answer: withStatus });
  };

  /** Without one of these a GET could be a link or an image of another site, with the visitor's cookies. */
  const preflighted = (exchange: Exchange, form: Form): boolean => {
    const { headers } = exchange.req;
    return form === 'stream' || headers[csrfHeaderName] !== undefined || headers['apollo-require-preflight'] !== undefined;
  };

  return {
    /** A POST that wants a stream of events. */
    stream: serve,
    get: async (exchange: Exchange): Promise<void> => {
      const { req } = exchange;
      if (!desk.config.production && exchange.search === '' && req.headers.accept?.includes('text/html')) {
        await yoga(req, exchange.lend([], graphiqlPolicy), { exchange, answer: {} });
        return;
      }
      const form = formOf(req.headers.accept);
      if (form === null) return refuse(exchange, desk, 406, [badRequest('There is no answer in any of the accepted forms.')], 'json');
      if (!preflighted(exchange, form))
        return refuse(exchange, desk, 403, [badRequest(`A GET needs the header ${csrfHeaderName} or apollo-require-preflight.`)], form);
      const params = paramsOfUrl(exchange.search);
      if ('malformed' in params) return refuse(exchange, desk, 400, [badRequest(params.malformed)], form);
      try {
        const caller = await callers.of(req, exchange.origin);
        exchange.userId = caller.identity?.userId ?? null;
        await serve(exchange, { params, caller, form });
      } catch (error) {
        refuseThrown(exchange, desk, error, form);
      }
    },
  };
};

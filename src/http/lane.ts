/**
 * The direct lane: POST /graphql with JSON, from node:http to the engine with nothing between. What the two lanes share stands here
 * too: every POST, whatever form its answer takes, is read, checked and authenticated by `intake`.
 */
import type { Caller } from '../auth/caller.ts';
import { contentTypes, type Form, formOf } from './accept.ts';
import { readBody } from './body.ts';
import type { Callers } from './caller.ts';
import { CookieReply } from './cookies.ts';
import type { Engine, Ready, Result } from './engine.ts';
import { badRequest, type Told, tell } from './errors.ts';
import type { Desk, Exchange } from './exchange.ts';
import { type Params, parseParams } from './params.ts';

/** RFC 8259 §11: JSON is UTF-8, and a parameter that says otherwise is wrong. */
const jsonType = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;

const retryOf = (errors: readonly Told[]): string[] => {
  const seconds = errors.find((error) => error.extensions.code === 'UNAVAILABLE')?.extensions['retryAfterSeconds'];
  return ['retry-after', String(seconds ?? 1)];
};

/** Status and headers for what the engine answered (GraphQL over HTTP §6.4). */
export const statusOf = (result: Result, form: Form): { status: number; headers: string[] } => {
  if (!result.errors || result.data) return { status: 200, headers: [] };
  // So that proxies and clients that read only the status come back later.
  if (result.errors.some((error) => error.extensions.code === 'UNAVAILABLE')) return { status: 503, headers: retryOf(result.errors) };
  if (result.data === null) return { status: 200, headers: [] };
  // application/json has 200 for every well-formed request (§6.4.1).
  return { status: form === 'json' ? 200 : 400, headers: [] };
};

/** What a client did wrong, before there is an operation. */
export const refuse = (exchange: Exchange, desk: Desk, status: number, errors: readonly Told[], form: Form, headers: string[] = []): void =>
  exchange.send(status, contentTypes[form === 'stream' ? 'response' : form], JSON.stringify({ errors }), [
    ...desk.cors.headersFor(exchange.req),
    ...headers,
  ]);

/** An answer to what was thrown at the door: a bad token is 401 by RFC 6750 §3.1. */
export const refuseThrown = (exchange: Exchange, desk: Desk, error: unknown, form: Form): void => {
  const told = tell(error, { requestId: exchange.origin.requestId, log: desk.log });
  const { code } = told.extensions;
  if (code === 'UNAUTHENTICATED') refuse(exchange, desk, 401, [told], form, ['www-authenticate', 'Bearer error="invalid_token"']);
  else if (code === 'UNAVAILABLE') refuse(exchange, desk, 503, [told], form, retryOf([told]));
  else refuse(exchange, desk, code === 'INTERNAL' ? 500 : 400, [told], form);
};

export type Taken = { readonly params: Params; readonly caller: Caller; readonly form: Form };

/** Reads and checks a POST and finds its caller; null when it has been answered or its client is gone. */
export const intake = async (exchange: Exchange, desk: Desk, callers: Callers): Promise<Taken | null> => {
  const { req } = exchange;
  const form = formOf(req.headers.accept);
  if (form === null) {
    const message = `An answer can be ${contentTypes.response}, ${contentTypes.json} or ${contentTypes.stream}.`;
    refuse(exchange, desk, 406, [badRequest(message)], 'json');
    return null;
  }
  const type = req.headers['content-type'];
  if ((type !== 'application/json' && !jsonType.test(type ?? '')) || req.headers['content-encoding'] !== undefined) {
    refuse(exchange, desk, 415, [badRequest('The body has to be application/json in UTF-8, not encoded.')], form);
    return null;
  }
  const body = await readBody(req);
  if (body === null) {
    exchange.done(499);
    return null;
  }
  if ('refused' in body) {
    refuse(exchange, desk, body.refused, [badRequest(body.message)], form);
    return null;
  }
  const params = parseParams(body.text);
  if ('malformed' in params) {
    refuse(exchange, desk, 400, [badRequest(params.malformed)], form);
    return null;
  }
  try {
    const asked = callers.of(req, exchange.origin);
    // No turn of the event loop for an anonymous caller.
    const caller = asked instanceof Promise ? await asked : asked;
    exchange.userId = caller.identity?.userId ?? null;
    return { params, caller, form };
  } catch (error) {
    refuseThrown(exchange, desk, error, form);
    return null;
  }
};

/** Runs a query or a mutation within the request's trace, and counts it. At once where no resolver waits. */
export const runCounted = (
  { exchange, desk, engine, transport }: { exchange: Exchange; desk: Desk; engine: Engine; transport: 'http' | 'sse' },
  ready: Ready,
  caller: Caller,
  reply: CookieReply,
): Result | Promise<Result> => {
  const { kind, name } = ready.operation;
  exchange.operation = name ?? kind;
  const counted = (result: Result): Result => {
    desk.metrics.operation(transport, kind, result.errors?.[0]?.extensions.code ?? 'ok');
    return result;
  };
  const { trace } = exchange;
  const running = trace ? trace.operation(kind, name, async () => engine.run(ready, caller, reply)) : engine.run(ready, caller, reply);
  return running instanceof Promise ? running.then(counted) : counted(running);
};

export const openLane = ({ desk, engine }: { desk: Desk; engine: Engine }) => {
  const answer = (exchange: Exchange, form: Form, result: Result, reply: CookieReply): void => {
    const { status, headers } = statusOf(result, form);
    for (const cookie of reply.cookies) headers.push('set-cookie', cookie);
    const cors = desk.cors.headersFor(exchange.req);
    if (cors.length > 0) headers.push(...cors);
    exchange.send(status, contentTypes[form], JSON.stringify(result), headers);
  };

  /** Answers what `intake` took in, without a turn of the event loop where no resolver waits. */
  return (exchange: Exchange, { params, caller, form }: Taken): void | Promise<void> => {
    const ready = engine.prepare(params);
    if ('refused' in ready) {
      desk.metrics.operation('http', 'none', 'BAD_REQUEST');
      return refuse(exchange, desk, form === 'json' ? 200 : 400, ready.refused, form);
    }
    if (ready.operation.kind === 'subscription')
      return refuse(exchange, desk, 406, [badRequest('A subscription needs Accept: text/event-stream, or a WebSocket.')], form);
    const reply = new CookieReply();
    const result = runCounted({ exchange, desk, engine, transport: 'http' }, ready, caller, reply);
    if (!(result instanceof Promise)) return answer(exchange, form, result, reply);
    return result.then((later) => answer(exchange, form, later, reply));
  };
};

/** GraphQL over WebSocket (graphql-transport-ws) beside the event streams: the same engine, behind limits of its own. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError } from 'graphql';
import { type Context, handleProtocols, makeServer, type ServerOptions } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { Denial } from '../auth/access/denial.ts';
import { type Caller, lifeOf } from '../auth/caller.ts';
import type { Callers } from './caller.ts';
import type { Engine, Ready, Result } from './engine.ts';
import { badRequest, type Told, tell } from './errors.ts';
import type { Desk } from './exchange.ts';
import type { House } from './house.ts';
import { readParams } from './params.ts';
import { guardSocket } from './socket-guard.ts';

export const socketLimits = {
  /** Bytes of a message from the client. */
  payloadBytes: 64 * 1024,
  initMs: 5_000,
  /** Operations at a time on one socket. */
  operations: 20,
  /** Open sockets of one network. */
  perNetwork: 100,
  pingMs: 12_000,
} as const;

/** Close codes: 4401 is final for a client library, 4403 has it come back with what its `connectionParams` say then. */
const closings = { unauthorized: 4401, expired: 4403, goingAway: 1001, broken: 4500 } as const;

/** `given`: the Authorization that the socket introduced itself with, judged anew for each operation. */
type Extra = { readonly socket: WebSocket; readonly caller: { current: Caller | null; given?: string }; readonly request: IncomingMessage };
type Ctx = Context<Record<string, unknown> | undefined, Extra>;

/** Tells go through graphql-ws as errors of graphql-js and come out as they were. */
const asErrors = (told: readonly Told[]): GraphQLError[] =>
  told.map((error) => Object.assign(new GraphQLError(error.message, { extensions: error.extensions }), { locations: error.locations }));

/** Nothing on a socket can set a cookie. */
const noCookies = {
  setRefreshCookie: (): void => {
    throw new Denial('BAD_REQUEST', 'A cookie cannot be set over a WebSocket.');
  },
  clearRefreshCookie: (): void => {},
  setDeviceCookie: (): void => {
    throw new Denial('BAD_REQUEST', 'A cookie cannot be set over a WebSocket.');
  },
};

export const openSockets = (needs: {
  house: House;
  desk: Desk;
  engine: Engine;
  callers: Callers;
  /** Whether a page of this origin may connect. */
  admits(origin: string): boolean;
}) => {
  const { house, desk, engine, callers } = needs;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: socketLimits.payloadBytes,
    perMessageDeflate: false,
    handleProtocols,
  });
  const networks = new Map<string, number>();

  const authorize = async (ctx: Ctx): Promise<boolean> => {
    const { request, socket, caller } = ctx.extra;
    const given = ctx.connectionParams?.['authorization'] ?? ctx.connectionParams?.['Authorization'];
    const origin = callers.originOf(request);
    try {
      if (given !== undefined && typeof given !== 'string') throw new Denial('UNAUTHENTICATED', 'authorization has to be a string.');
      const whose = await callers.identify(given);
      caller.current = await callers.callerOf(origin, { whose });
      if (given !== undefined) caller.given = given;
      guardLife(socket, caller.current);
    } catch (error) {
      const { code } = tell(error, { requestId: origin.requestId, log: desk.log }).extensions;
      socket.close(code === 'UNAUTHENTICATED' ? closings.unauthorized : closings.broken, code);
      // The socket closes already; saying no here would close it with another code.
      return new Promise(() => {});
    }
    return true;
  };

  const guardLife = (socket: WebSocket, caller: Caller): void => {
    const life = lifeOf(caller);
    // One that closed while its caller was looked up has no close to come that would end the watch.
    if (!life || socket.readyState !== socket.OPEN) return;
    const { ids, expiresAt } = life;
    const now = (house.clock?.now() ?? new Date()).getTime();
    const timer = setTimeout(() => socket.close(closings.expired, 'The access token has expired'), Math.max(0, expiresAt.getTime() - now));
    const tell = () => socket.close(closings.unauthorized, 'The session has ended');
    const unwatch = ids.map((id) => house.auth.housekeeping.watchSession(id, tell));
    socket.once('close', () => {
      clearTimeout(timer);
      for (const stop of unwatch) stop();
    });
  };

  /** Each operation's caller is as its token is judged at that moment, with a request id of its own. */
  const callerNow = async ({ extra }: Ctx): Promise<Caller> =>
    callers.callerOf(callers.originOf(extra.request), { whose: await callers.identify(extra.caller.given) });

  type Prepared = { ready: Ready; caller: Caller };
  const onSubscribe = async (ctx: Ctx, _id: string, payload: unknown): Promise<readonly GraphQLError[] | object> => {
    if (Object.keys(ctx.subscriptions).length > socketLimits.operations)
      return asErrors([badRequest(`At most ${socketLimits.operations} operations at a time on one socket.`)]);
    const params = readParams(payload);
    if ('malformed' in params) return asErrors([badRequest(params.malformed)]);
    const ready = engine.prepare(params);
    if ('refused' in ready) {
      desk.metrics.operation('ws', 'none', 'BAD_REQUEST');
      return asErrors(ready.refused);
    }
    try {
      const caller = await callerNow(ctx);
      const prepared: Prepared = { ready, caller };
      return { schema: house.schema, document: ready.operation.document, contextValue: prepared };
    } catch (error) {
      return asErrors([tell(error, { requestId: ctx.extra.caller.current?.requestId ?? '', log: desk.log })]);
    }
  };
  const counted = (kind: string, result: object): void =>
    desk.metrics.operation('ws', kind, 'errors' in result ? ((result as Result).errors?.[0]?.extensions.code ?? 'ok') : 'ok');

  const options: ServerOptions<Record<string, unknown> | undefined, Extra> = {
    connectionInitWaitTimeout: socketLimits.initMs,
    onConnect: authorize,
    onSubscribe: onSubscribe as never,
    execute: async ({ contextValue }) => {
      const { ready, caller } = contextValue as unknown as Prepared;
      const result = await engine.run(ready, caller, noCookies);
      counted(ready.operation.kind, result);
      return result as never;
    },
    subscribe: async ({ contextValue }) => {
      const { ready, caller } = contextValue as unknown as Prepared;
      const results = await engine.subscribe(ready, caller, noCookies);
      counted(ready.operation.kind, results);
      return results as never;
    },
    // Errors are told already; graphql-ws would ask each for its toJSON.
    onNext: (_ctx, _id, _payload, _args, result) => result as never,
  };
  const protocol = makeServer(options);

  const accept = (socket: WebSocket, request: IncomingMessage, network: string): void => {
    networks.set(network, (networks.get(network) ?? 0) + 1);
    desk.metrics.live('ws', 1);
    const unguard = guardSocket(socket, socketLimits.pingMs);
    // What ws makes of a broken or too large frame: it closes the socket itself.
    socket.on('error', (error) => desk.log.debug({ err: error }, 'a WebSocket broke'));
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) =>
          new Promise((sent, failed) => {
            if (socket.readyState !== socket.OPEN) return sent();
            socket.send(data, (error) => (error ? failed(error) : sent()));
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (heard) =>
          socket.on('message', (data) => {
            heard(String(data)).catch((error: unknown) => {
              if (socket.readyState !== socket.OPEN) return;
              desk.log.error({ err: error }, 'a WebSocket message failed');
              socket.close(closings.broken, 'Internal server error');
            });
          }),
      },
      { socket, request, caller: { current: null } },
    );
    socket.once('close', (code, reason) => {
      unguard();
      desk.metrics.live('ws', -1);
      const left = (networks.get(network) ?? 1) - 1;
      if (left > 0) networks.set(network, left);
      else networks.delete(network);
      closed(code, String(reason)).catch((error: unknown) => desk.log.warn({ err: error }, 'a WebSocket did not close cleanly'));
    });
  };

  return {
    /** Answers an upgrade request, or refuses it with an HTTP status. */
    upgrade: (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      const refuse = (status: string) => stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      stream.on('error', () => {});
      if (desk.draining) return void refuse('503 Service Unavailable');
      if ((request.url ?? '').split('?')[0] !== '/graphql') return void refuse('404 Not Found');
      // Programs send no Origin; a browser always does, and names the page that asks.
      const { origin } = request.headers;
      if (origin !== undefined && !needs.admits(origin)) return void refuse('403 Forbidden');
      const { network } = callers.originOf(request);
      if ((networks.get(network) ?? 0) >= socketLimits.perNetwork) return void refuse('429 Too Many Requests');
      server.handleUpgrade(request, stream, head, (socket) => accept(socket, request, network));
    },
    drain: (): void => {
      for (const socket of server.clients) socket.close(closings.goingAway, 'Going away');
    },
    close: (): void => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
};
export type Sockets = ReturnType<typeof openSockets>;

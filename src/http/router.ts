/** Which path leads where, and by which methods. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Addresses } from './addresses.ts';
import { type Callers, openCallers } from './caller.ts';
import type { Engine } from './engine.ts';
import { tell } from './errors.ts';
import { type Desk, Exchange } from './exchange.ts';
import { openExportDownload } from './exports.ts';
import { openGateway } from './gateway.ts';
import type { House } from './house.ts';
import { intake, openLane } from './lane.ts';
import { openMetadata, openOAuth } from './oauth/endpoints.ts';
import { openBootstrapPage } from './pages/bootstrap.ts';
import { openInboxPages } from './pages/inbox.ts';
import { invitationPage, magicLinkPage, notMePage, resetPasswordPage, verifyEmailPage } from './pages/links.ts';
import { htmlType, type Page } from './pages/page.ts';
import type { Streams } from './streams.ts';
import type { Tracing } from './tracing.ts';
import { health, openInfo, openJwks, openMetricsPage, openReadiness } from './well-known.ts';
import { openYoga } from './yoga.ts';

type Handler = (exchange: Exchange) => void | Promise<void>;
type Route = { readonly name: string; readonly methods: Readonly<Record<string, Handler>> | Handler };

const plain = 'text/plain; charset=utf-8';
const reading = (handler: Handler) => ({ GET: handler, HEAD: handler });
const showing =
  ({ html, policy }: Page): Handler =>
  (exchange) =>
    exchange.send(200, htmlType, html, [], policy);

export type Router = { handle(req: IncomingMessage, res: ServerResponse): void; callers: Callers };

export const openRouter = (needs: {
  house: House;
  desk: Desk;
  engine: Engine;
  addresses: Addresses;
  streams: Streams;
  tracing: Tracing | null;
}): Router => {
  const { house, desk, engine, addresses, streams, tracing } = needs;
  const callers = openCallers({ auth: house.auth, addresses });
  const direct = openLane({ desk, engine });
  const yoga = openYoga({ desk, engine, callers, streams });

  const post: Handler = async (exchange) => {
    const taken = await intake(exchange, desk, callers);
    if (taken) await (taken.form === 'stream' ? yoga.stream(exchange, taken) : direct(exchange, taken));
  };
  const preflight: Handler = (exchange) => exchange.send(204, plain, '', ['allow', 'GET, POST', ...desk.cors.preflightFor(exchange.req)]);

  const routes = new Map<string, Route>(
    Object.entries({
      '/graphql': { POST: post, GET: yoga.get, OPTIONS: preflight },
      '/auth/validate': openGateway({ desk, callers }),
      '/.well-known/jwks.json': reading(openJwks(house)),
      '/health': reading(health),
      '/ready': reading(openReadiness(house, desk)),
      '/info': reading(openInfo(house)),
      '/metrics': reading(openMetricsPage(house, desk, addresses)),
      '/verify-email': reading(showing(verifyEmailPage)),
      '/reset-password': reading(showing(resetPasswordPage)),
      '/magic-link': reading(showing(magicLinkPage)),
      '/invitation': reading(showing(invitationPage)),
      '/not-me': reading(showing(notMePage)),
    }).map(([path, methods]) => [path, { name: path, methods }]),
  );
  const inbox: Route | null = house.inbox ? { name: '/inbox', methods: reading(openInboxPages(house.inbox)) } : null;
  if (house.auth.access.firstAdministrator) {
    const page = openBootstrapPage({ admission: house.auth.access.firstAdministrator, desk, callers });
    routes.set('/bootstrap', { name: '/bootstrap', methods: { ...reading(page.show), POST: page.claim } });
  }
  if (house.auth.services.oauth) {
    const { oauth } = house.auth.services;
    for (const [path, methods] of Object.entries(openOAuth({ oauth, desk, callers }))) routes.set(path, { name: path, methods });
    const name = '/.well-known/oauth-authorization-server';
    const metadata = { name, methods: reading(openMetadata(oauth.metadata)) };
    routes.set(name, metadata);
    // RFC 8414 §3.1: where the issuer has a path, a client asks for that behind the well-known one.
    routes.set(name + new URL(oauth.metadata.issuer).pathname.replace(/\/$/, ''), metadata);
  }
  if (house.auth.exports)
    routes.set('/export', { name: '/export', methods: reading(openExportDownload({ exports: house.auth.exports, desk })) });
  const routeOf = (path: string): Route | undefined =>
    routes.get(path) ?? (inbox && (path === '/inbox' || path.startsWith('/inbox/')) ? inbox : undefined);

  const serve = (exchange: Exchange): void | Promise<void> => {
    const route = routeOf(exchange.path);
    const method = exchange.req.method ?? 'GET';
    if (!route) return exchange.send(404, plain, 'Nothing is here.\n');
    exchange.route = route.name;
    if (tracing) exchange.trace = tracing.start(method, route.name, exchange.origin.requestId, exchange.req.headers);
    if (typeof route.methods === 'function') return route.methods(exchange);
    const handler = Object.hasOwn(route.methods, method) ? route.methods[method] : undefined;
    if (!handler) return exchange.send(405, plain, 'Not by this method.\n', ['allow', Object.keys(route.methods).join(', ')]);
    return handler(exchange);
  };

  const failed = (exchange: Exchange, error: unknown): void => {
    const { message, extensions } = tell(error, { requestId: exchange.origin.requestId, log: desk.log });
    exchange.send(500, 'application/json; charset=utf-8', JSON.stringify({ errors: [{ message, extensions }] }));
  };

  return {
    callers,
    handle(req, res) {
      const exchange = new Exchange(desk, req, res, callers.originOf(req));
      try {
        serve(exchange)?.catch((error: unknown) => failed(exchange, error));
      } catch (error) {
        failed(exchange, error);
      }
    },
  };
};

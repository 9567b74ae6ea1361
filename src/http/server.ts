/** The listener: starts the front door, and closes it without losing a request. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { StartError } from '../infra/ports.ts';
import { openAddresses } from './addresses.ts';
import { openCors } from './cors.ts';
import { openEngine } from './engine.ts';
import { type Desk, securityHeadersOf } from './exchange.ts';
import type { FrontDoor, House } from './house.ts';
import { openMetrics } from './metrics.ts';
import { openRouter } from './router.ts';
import { openSockets } from './sockets.ts';
import { openStreams } from './streams.ts';
import { openTracing } from './tracing.ts';

/** How long balancers get to read that this process is not ready, while it still takes connections. */
const noticeMs = 500;
/** How long a connection that was taken last gets to send its request. */
const firstRequestMs = 300;
/** How long running requests get to end. */
const patienceMs = 10_000;

const listen = (server: Server, host: string, port: number): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        reject(new StartError(`port ${port} is taken on ${host}: stop what listens there, or set PORT to another`));
      else if (error.code === 'EACCES')
        reject(new StartError(`port ${port} needs rights this user does not have: set PORT to one above 1023`));
      else if (error.code === 'EADDRNOTAVAIL') reject(new StartError(`HOST ${host} is no address of this machine`));
      else reject(error);
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Origins of this service's own pages: the public one, and the names of loopback while it listens there. */
const ownOrigins = (house: House, port: number): ReadonlySet<string> => {
  const loopback = ['localhost', '127.0.0.1', '[::1]'].map((name) => `http://${name}:${port}`);
  return new Set([new URL(house.publicUrl).origin, ...(house.config.production ? [] : loopback)]);
};

/** Listens on `HOST` and `PORT`; throws a `StartError` with a sentence for the operator where that cannot be. */
export const openFrontDoor = async (house: House): Promise<FrontDoor> => {
  const { config, log } = house;
  const metrics = openMetrics(house.hasher, house.registry);
  const cors = openCors(config.CORS_ORIGINS);
  const desk: Desk = { log, metrics, cors, config, securityHeaders: securityHeadersOf(house.publicUrl), draining: false };
  const addresses = openAddresses(config.TRUSTED_PROXIES);
  const engine = openEngine(house);
  const tracing = await openTracing(config, house.about);
  const clock = house.clock ?? { now: () => new Date() };
  const streams = openStreams({ auth: house.auth, clock, metrics });
  const router = openRouter({ house, desk, engine, addresses, streams, tracing });

  const server = createServer(
    {
      // Behind a balancer the balancer has to be the one that closes an idle connection (its usual patience is 60 s).
      keepAliveTimeout: 65_000,
      headersTimeout: 15_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 5_000,
      // Some clients offer h2c with their first request, which then is an ordinary one (RFC 9110 §7.8).
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    router.handle,
  );
  let own: ReadonlySet<string> = new Set();
  const sockets = openSockets({ house, desk, engine, callers: router.callers, admits: (origin) => own.has(origin) || cors.allows(origin) });
  server.on('upgrade', sockets.upgrade);

  const closeParts = async () => {
    streams.close();
    sockets.close();
    await tracing?.close().catch((error: unknown) => log.warn({ err: error }, 'traces could not be flushed'));
  };
  let address: AddressInfo;
  try {
    address = await listen(server, config.HOST, config.PORT);
  } catch (error) {
    await closeParts();
    throw error;
  }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  own = ownOrigins(house, address.port);

  let arrived = 0;
  server.on('connection', () => {
    arrived += 1;
  });
  /**
   * Closing a listener resets the connections that wait in the kernel's queue. Each turn of the loop takes one from there, so a turn that
   * took none finds it empty, and closing at the end of that turn cuts nobody.
   */
  const untilNoneWaits = async (): Promise<void> => {
    for (let turns = 0, before = -1; turns < 2_000 && arrived !== before; turns += 1) {
      before = arrived;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  const drain = async (): Promise<void> => {
    if (desk.draining) return;
    desk.draining = true;
    const connections = await new Promise<number>((resolve) => server.getConnections((error, count) => resolve(error ? 1 : count)));
    if (connections > 0) await wait(noticeMs);
    sockets.drain();
    streams.drain();
    await untilNoneWaits();
    // http.Server's own close would at once cut connections that have not sent their request yet (Node calls them idle too).
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    await Promise.race([closed, wait(firstRequestMs)]);
    server.closeIdleConnections();
    await Promise.race([closed, wait(patienceMs)]);
    await closeParts();
    server.closeAllConnections();
    await closed;
  };
  let draining: Promise<void> | undefined;
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    drain: () => {
      draining ??= drain();
      return draining;
    },
  };
};

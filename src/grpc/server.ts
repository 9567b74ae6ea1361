/** The listener for gRPC: starts it, and closes it without losing a call. */
import { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { openBearers } from '../auth/services/bearers.ts';
import { StartError } from '../infra/ports.ts';
import { openCalls } from './calls.ts';
import { credentialsOf } from './credentials.ts';
import { readDefinitions } from './definition.ts';
import { openEnvoy } from './envoy.ts';
import { openHealth } from './health.ts';
import type { GrpcDoor, GrpcHouse } from './house.ts';
import { openIdentity } from './identity.ts';

/** A request of Envoy brings all headers of the request that it asks about: 60 KiB by Envoy's own bound. A hundred questions have 40. */
export const longestMessage = 128 * 1024;
/** How long watchers of health get to hear that this process serves no more, while it still takes calls. */
const noticeMs = 500;
/** How long running calls get to end. */
const patienceMs = 10_000;

const options = {
  'grpc.max_receive_message_length': longestMessage,
  'grpc.max_concurrent_streams': 128,
  // A connection whose other end is gone is found out and closed.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  // Nobody's for good: clients come back, and find replicas that were added.
  'grpc.max_connection_idle_ms': 900_000,
  'grpc.max_connection_age_ms': 1_800_000,
  'grpc.max_connection_age_grace_ms': 30_000,
  // Megabytes of one connection.
  'grpc-node.max_session_memory': 10,
  'grpc.enable_channelz': 0,
};

const listen = (server: Server, { config, log }: GrpcHouse): Promise<number> => {
  const host = config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST;
  const credentials = credentialsOf(config, log);
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${config.GRPC_PORT}`, credentials, (error, port) => {
      if (!error) return resolve(port);
      reject(new StartError(`GRPC_PORT ${config.GRPC_PORT} cannot be listened on at ${host}: ${error.message}`));
    });
  });
};

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Listens on `HOST` and `GRPC_PORT`; null where that is not set. Throws a `StartError` with a sentence for the operator where it cannot. */
export const openGrpcDoor = async (house: GrpcHouse): Promise<GrpcDoor | null> => {
  const { auth, config } = house;
  if (config.GRPC_PORT === undefined) return null;
  const definitions = readDefinitions();
  const calls = openCalls(house);
  const health = openHealth(house);
  const parts = { auth, calls, bearers: openBearers(auth) };
  const server = new Server(options);
  server.addService(definitions.identity, openIdentity(parts));
  server.addService(definitions.envoy, openEnvoy({ ...parts, token: config.GRPC_ENVOY_TOKEN }));
  server.addService(definitions.health, health.implementation);
  new ReflectionService(definitions.all).addToServer(server);
  const port = await listen(server, house);

  const drain = async (): Promise<void> => {
    await health.drain();
    if (calls.begun() > 0) await wait(noticeMs);
    health.close();
    const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    let impatient: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      impatient = setTimeout(resolve, patienceMs);
    });
    await Promise.race([closed, late]);
    clearTimeout(impatient);
    server.forceShutdown();
  };
  let draining: Promise<void> | undefined;
  return {
    port,
    drain: () => {
      draining ??= drain();
      return draining;
    },
  };
};

/** Wires the house: infra, the domain on it, the back door, the front door, the one for gRPC; and takes it down in the reverse order. */
import { Registry } from 'prom-client';
import { type Auth, openAuth } from './auth/index.ts';
import type { Config } from './config.ts';
import { openBackDoor } from './events/index.ts';
import { type GrpcDoor, openGrpcDoor } from './grpc/index.ts';
import { type FrontDoor, openFrontDoor } from './http/index.ts';
import { type OpenedInfra, openInfra } from './infra/index.ts';
import type { Clock, Log, Random } from './infra/ports.ts';
import { schema } from './resolvers/index.ts';
import { bindGraphClient } from './schema/graph-client.ts';
import { createLoaders } from './schema/loaders.ts';

export type House = {
  readonly auth: Auth;
  readonly infra: OpenedInfra;
  readonly frontDoor: FrontDoor;
  /** Null where `GRPC_PORT` is not set. */
  readonly grpc: GrpcDoor | null;
  readonly url: string;
  /** Drains both doors that take requests, lets the back door finish, closes the rest. */
  close(): Promise<void>;
};

const hostOf = (host: string): string => (host.includes(':') ? `[${host}]` : host);
/** What clients and mailed links use; never taken from a request's Host header. */
export const publicUrlOf = (config: Config): string => config.PUBLIC_URL ?? `http://${hostOf(config.HOST)}:${config.PORT}`;

export const openHouse = async (config: Config, log: Log, ports: { clock?: Clock; random?: Random } = {}): Promise<House> => {
  const publicUrl = publicUrlOf(config);
  const infra = await openInfra(config, log, ports);
  try {
    const auth = await openAuth(infra, { ...config, publicUrl, issuer: config.JWT_ISSUER ?? publicUrl });
    const backDoor = await openBackDoor(auth, infra, config);
    const registry = new Registry();
    let grpc: GrpcDoor | null = null;
    try {
      grpc = await openGrpcDoor({ auth, config, log, registry, database: infra.database });
      const frontDoor = await openFrontDoor({
        schema,
        auth,
        config,
        log,
        publicUrl,
        clock: infra.clock,
        about: auth.serviceInfo,
        database: infra.database,
        redis: infra.redis,
        inbox: infra.inbox,
        hasher: infra.hasher,
        kms: infra.kms,
        seals: auth.seals,
        webhooks: auth.webhooks,
        registry,
        makeContext: (caller, reply) =>
          bindGraphClient(
            { auth, caller, reply, loaders: createLoaders(auth, caller), proved: { userIds: new Set(), sessionIds: new Set() } },
            infra.prisma,
          ),
      });
      const close = async () => {
        await Promise.all([frontDoor.drain(), grpc?.drain()]);
        await backDoor.stop();
        await infra.close();
      };
      return { auth, infra, frontDoor, grpc, url: frontDoor.url, close };
    } catch (error) {
      await grpc?.drain();
      await backDoor.stop();
      throw error;
    }
  } catch (error) {
    await infra.close();
    throw error;
  }
};

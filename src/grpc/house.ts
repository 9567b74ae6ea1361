/** What the gRPC door needs of the house, declared by its consumer. */
import type { Registry } from 'prom-client';
import type { Auth } from '../auth/index.ts';
import type { Config } from '../config.ts';
import type { Log } from '../infra/ports.ts';

export type GrpcHouse = {
  auth: Pick<Auth, 'access' | 'sessions' | 'services' | 'tradingAccounts'>;
  config: Config;
  log: Log;
  registry: Registry;
  database: { ping(timeoutMs: number): Promise<void> };
};

export type GrpcDoor = {
  readonly port: number;
  /** Not serving any more; finishes the calls that run (10 s at most), ends the watches of health, closes the listener. */
  drain(): Promise<void>;
};

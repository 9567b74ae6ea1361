/** What the front door needs of the house, declared by its consumer: main wires the domain to it, tests wire a small one. */
import type { GraphQLSchema } from 'graphql';
import type { Registry } from 'prom-client';
import type { Bearer, Caller, Identity } from '../auth/caller.ts';
import type { Exports } from '../auth/exports/index.ts';
import type { Services } from '../auth/services/index.ts';
import type { Config } from '../config.ts';
import type { Clock, Inbox, Kms, Log } from '../infra/ports.ts';
import type { Reply } from '../schema/context.ts';

type ClaimInput = { token: string; email: string; password: string };
type Pinged = { ping(timeoutMs: number): Promise<void> };

export type House = {
  schema: GraphQLSchema;
  auth: {
    tokens: { jwks(): { keys: object[] } };
    access: {
      permissionsOf(userId: string): Promise<ReadonlySet<string>>;
      /** Makes the first administrator, for whoever has the link that the start printed. */
      firstAdministrator?: {
        claim(caller: Caller, input: ClaimInput): Promise<{ kind: string; message?: string; unmet?: readonly string[] }>;
      };
    };
    sessions: {
      /** Notes that a token of this generation was used; no I/O. */
      seen(identity: Pick<Identity, 'sessionId' | 'generation'>): void;
    };
    services: {
      /** Throws a `Denial` UNAUTHENTICATED unless the token is genuine, current, and of a living session, client or key. */
      authenticate(token: string): Promise<Bearer>;
      /** The endpoints of OAuth 2.0; none where left out. */
      oauth?: Services['oauth'];
    };
    exports?: Pick<Exports, 'download'>;
    /** Tells once when the session (client, token, key) ends; the function given takes that back. */
    housekeeping: { watchSession(sessionId: string, tell: () => void): () => void };
  };
  /** A GraphQL context of one operation, or of one event of a subscription. */
  makeContext(caller: Caller, reply: Reply): object;
  config: Config;
  publicUrl: string;
  log: Log;
  /** What says when a token expires; the system's where left out. */
  clock?: Clock;
  database: Pinged;
  redis?: Pinged | null;
  inbox?: Inbox | null;
  kms?: Pick<Kms, 'stats'>;
  seals?: { progress(): { at: Date | null; left: number; rewrapped: number; failed: number } };
  webhooks?: { progress(): { delivered: number; failed: number; waiting: number } };
  /** Whose figures `/metrics` tells beside the front door's own. */
  registry?: Registry;
  hasher?: { stats(): { running: number; queued: number; refused: number } };
  /** What `/info` says. */
  about: { name: string; version: string; features: readonly string[] };
};

export type FrontDoor = {
  readonly url: string;
  readonly port: number;
  /** Not ready any more; finishes what runs (10 s at most), ends streams with a hint to come back, closes the listener. */
  drain(): Promise<void>;
};

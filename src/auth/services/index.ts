/** The door of the services room. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Endings } from '../sessions/ending.ts';
import type { Revoked } from '../sessions/revoked.ts';
import type { AccessTokens } from '../tokens/access-token.ts';
import { createApiKey, deleteApiKey } from './api-keys.ts';
import { authenticate } from './authenticate.ts';
import { createServiceClient, deleteServiceClient, rotateServiceClientSecret } from './clients.ts';
import { introspectAsClient, introspectToken } from './introspect.ts';
import { issueToken } from './issue-token.ts';
import { listApiKeys } from './key-store.ts';
import { describeServer } from './metadata.ts';
import type { ApiKey, ServiceClient } from './model.ts';
import { revokeToken } from './revoke-token.ts';
import { listClients, sweepServices } from './store.ts';

export type ServicesNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  endings: Endings;
  revoked: Revoked;
  accessTokens: AccessTokens;
  refreshSecret: Buffer;
  permissionsOf: (userId: string) => Promise<ReadonlySet<string>>;
  isMember: (userId: string, orgId: string) => Promise<boolean>;
  mayActAs: (adminId: string, userId: string) => Promise<boolean>;
  permissionsLasting: (userId: string) => Promise<ReadonlySet<string>>;
  permissionsAnywhere: (userId: string) => Promise<ReadonlySet<string>>;
  config: { issuer: string; publicUrl: string; RATE_LIMIT_SERVICE: Rate; RATE_LIMIT_SERVICE_TOKEN: Rate };
};
export type Services = ReturnType<typeof openServices>;
const keptDays = 30;

export const openServices = (given: ServicesNeeds) => {
  const { database, clock } = given;
  const needs = { ...given, authenticate: authenticate(given) };
  return {
    authenticate: needs.authenticate,
    clients: (): Promise<ServiceClient[]> => listClients(database),
    createClient: createServiceClient(needs),
    rotateSecret: rotateServiceClientSecret(needs),
    deleteClient: deleteServiceClient(needs),
    apiKeys: (caller: SignedInCaller): Promise<ApiKey[]> => listApiKeys(database, caller.identity.userId, clock.now()),
    createApiKey: createApiKey(needs),
    deleteApiKey: deleteApiKey(needs),
    introspect: introspectToken(needs),
    /** What programs call over HTTP, by the texts of OAuth 2.0. */
    oauth: {
      issueToken: issueToken(needs),
      introspect: introspectAsClient(needs),
      revoke: revokeToken(needs),
      metadata: describeServer(needs.config),
    },
    sweep: (): Promise<void> => sweepServices(database, clock.now(), new Date(clock.now().getTime() - keptDays * 86_400_000)),
  };
};

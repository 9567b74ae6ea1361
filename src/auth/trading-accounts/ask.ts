/** What every operation has in common that asks a broker: how often, whom, and what is told of a refusal. */

import type { Broker, Brokers, Clock, Database, Kms, Limiter, Random, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SealedColumn } from '../seals/model.ts';
import { type AccountRow, type Credentials, checkSeconds, sealContext } from './model.ts';

export const tradingCredentials: SealedColumn = {
  table: 'trading_accounts',
  column: 'sealed',
  key: 'id',
  keyType: 'uuid',
  needs: ['owner_id'],
  context: (row) => sealContext(row['id'] as string, row['owner_id'] as string),
};

export type BrokerNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  kms: Kms;
  brokers: Brokers;
  trail: AuditTrail;
  config: { RATE_LIMIT_BROKER: Rate };
};

/** Throws the denial RATE_LIMITED once a user has had brokers asked too often: one user's accounts must not wear out what all share. */
export const takePlace = async ({ limiter, config }: Pick<BrokerNeeds, 'limiter' | 'config'>, userId: string): Promise<void> => {
  const { allowed, retryAfterSeconds } = await limiter.take(`broker:${userId}`, config.RATE_LIMIT_BROKER);
  if (!allowed) throw rateLimited(retryAfterSeconds);
};

/** The broker of a linked account. One that the house no longer knows is a fault. */
export const brokerOf = (brokers: Brokers, name: string): Broker => {
  const broker = brokers.get(name);
  if (!broker) throw new Error('an account is linked with a broker that is not there');
  return broker;
};

type Whose = Pick<AccountRow, 'id' | 'ownerId'>;
export const sealCredentials = (kms: Kms, { id, ownerId }: Whose, credentials: Credentials): Promise<Buffer> =>
  kms.seal(Buffer.from(JSON.stringify(credentials)), sealContext(id, ownerId));
export const openCredentials = async (kms: Kms, { id, ownerId, sealed }: Whose & { sealed: Uint8Array }): Promise<Credentials> =>
  JSON.parse((await kms.open(sealed, sealContext(id, ownerId))).toString());

/** A request token is spent by asking: what would be lost without the KMS is not asked for without it. Throws `Unavailable`. */
export const requireKms = async (kms: Kms, whose: Whose): Promise<void> => {
  await sealCredentials(kms, whose, { apiKey: '', apiSecret: '', accessToken: null });
};

export const nextCheck = (at: Date): Date => new Date(at.getTime() + checkSeconds * 1000);

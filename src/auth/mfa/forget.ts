/** What a new password ends: sign-ins that wait for their second factor on the old one, and the trust in devices. */
import type { Sql } from '../../infra/ports.ts';
import { endChallenges } from './challenges.ts';
import { forgetAllTrust } from './trusted-devices.ts';

/** In the transaction that sets the password, after the user's row is locked. */
export const forgetFirstFactor = async (sql: Sql, userId: string, at: Date): Promise<void> => {
  await endChallenges(sql, userId, at);
  await forgetAllTrust(sql, userId);
};

/** The door of the tokens room. */
import type { Clock, Database, Kms, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import { houseOrigin } from '../sessions/expire.ts';
import { type AccessTokenNeeds, openAccessTokens } from './access-token.ts';
import { type KeyNeeds, openKeyRing } from './keys.ts';
import { openOneTimeTokens, sweepOneTimeTokens } from './one-time.ts';

export type TokensNeeds = {
  database: Database;
  kms: Kms;
  clock: Clock;
  random: Random;
  trail: AuditTrail;
  pepper: Buffer;
  config: KeyNeeds['config'] & AccessTokenNeeds['config'] & { SIGNING_KEY_ROTATION_DAYS: number };
};

export const openTokens = async (needs: TokensNeeds) => {
  const keys = await openKeyRing(needs);
  return {
    keys,
    accessTokens: openAccessTokens({ ...needs, keys }),
    oneTime: openOneTimeTokens(needs),
    /** By an operator's wish: the next key signs from now on. */
    rotate: (caller: Caller): Promise<string | null> => keys.rotate(caller),
    /** By age (SIGNING_KEY_ROTATION_DAYS; 0: never). */
    rotateIfOld: async (): Promise<void> => {
      const days = needs.config.SIGNING_KEY_ROTATION_DAYS;
      const before = new Date(needs.clock.now().getTime() - days * 86_400_000);
      if (days > 0 && keys.signer().activatedAt < before) await keys.rotate(houseOrigin, before);
    },
    sweep: () => sweepOneTimeTokens(needs.database, needs.clock.now()),
  };
};

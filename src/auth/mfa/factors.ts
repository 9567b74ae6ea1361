/** The factors side by side: judging an answer of any type. */
import type { Caller } from '../caller.ts';
import { type BackupCodeNeeds, type BackupCodes, openBackupCodes } from './backup-codes.ts';
import type { ChallengeRow } from './challenges.ts';
import { type CodeNeeds, type Codes, openCodes } from './codes.ts';
import type { Claim, MfaAnswer } from './model.ts';
import type { Owner } from './store.ts';
import { openTotp, type Totp, type TotpNeeds } from './totp.ts';
import { openWebauthn, type Webauthn, type WebauthnNeeds } from './webauthn.ts';

export type FactorNeeds = Omit<TotpNeeds & CodeNeeds & BackupCodeNeeds & WebauthnNeeds, 'config'> & {
  config: TotpNeeds['config'] & BackupCodeNeeds['config'] & WebauthnNeeds['config'];
};
export type Factors = {
  totp: Totp;
  codes: Codes;
  backupCodes: BackupCodes;
  webauthn: Webauthn;
  /** Null where the answer is wrong already; else what takes it. Opens secrets and checks signatures: never inside a transaction. */
  judge(caller: Caller, owner: Owner, challenge: Pick<ChallengeRow, 'id' | 'challenge'>, answer: MfaAnswer): Promise<Claim | null>;
};

export const openFactors = (needs: FactorNeeds): Factors => {
  const [totp, codes, backupCodes, webauthn] = [openTotp(needs), openCodes(needs), openBackupCodes(needs), openWebauthn(needs)];
  return {
    totp,
    codes,
    backupCodes,
    webauthn,
    judge: async (caller, owner, challenge, answer) => {
      switch (answer.type) {
        case 'TOTP':
          return totp.judge(owner, answer);
        case 'EMAIL':
        case 'SMS':
          return codes.judge(owner, challenge.id, answer.type, answer);
        case 'BACKUP_CODE':
          return backupCodes.judge(owner, caller, answer);
        case 'WEBAUTHN':
          return webauthn.judge(owner, challenge, answer.webauthn);
      }
    },
  };
};

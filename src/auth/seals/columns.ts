/** Every column that holds sealed values. Letters in the queue are none: they are over in hours, and an old master key is kept longer than that. */
import { exportParts } from '../exports/write.ts';
import { totpSecrets } from '../mfa/totp.ts';
import { signingKeys } from '../tokens/keys.ts';
import { houseSecrets } from '../tokens/secrets.ts';
import { tradingCredentials } from '../trading-accounts/ask.ts';
import { webhookSecrets } from '../webhooks/secret.ts';
import type { SealedColumn } from './model.ts';

export const sealedColumns: readonly SealedColumn[] = [
  houseSecrets,
  signingKeys,
  totpSecrets,
  tradingCredentials,
  exportParts,
  webhookSecrets,
];

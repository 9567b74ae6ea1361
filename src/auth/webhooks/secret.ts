/** An endpoint's secret, and what is signed with it, by the specification of Standard Webhooks (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import type { Kms, Random } from '../../infra/ports.ts';
import type { SealedColumn } from '../seals/model.ts';

type Whose = { id: string; orgId: string | null };
const sealContext = ({ id, orgId }: Whose) => ({ purpose: 'webhook_secret', id, owner: orgId ?? 'platform' });
export const webhookSecrets: SealedColumn = {
  table: 'webhook_endpoints',
  column: 'sealed_secret',
  key: 'id',
  keyType: 'uuid',
  needs: ['org_id'],
  context: (row) => sealContext({ id: row['id'] as string, orgId: row['org_id'] ?? null }),
};

/** 256 bits, and how they are shown once. */
export const newSecret = (random: Random): { key: Buffer; shown: string } => {
  const key = random.bytes(32);
  return { key, shown: `whsec_${key.toString('base64')}` };
};
export const sealSecret = (kms: Kms, whose: Whose, key: Buffer): Promise<Buffer> => kms.seal(key, sealContext(whose));
export const openSecret = (kms: Kms, whose: Whose, sealed: Uint8Array): Promise<Buffer> => kms.open(sealed, sealContext(whose));

/** The headers of one attempt: `id` is that of all attempts, the time this one's, in whole seconds. */
export const signedHeaders = (key: Buffer, id: string, at: Date, body: string): Record<string, string> => {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
};

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DoesNotOpen } from '../ports.ts';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
export const keyBytes = 32;

/**
 * AES-256-GCM (NIST SP 800-38D) as nonce ‖ ciphertext ‖ tag. The nonce is 96 random bits, so one key may seal at most 2^32 times (§8.3):
 * a data key does so once, a local master key once for every record and rewrap.
 */
export const encrypt = (key: Buffer, plaintext: Uint8Array, context: Buffer): Buffer => {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(context);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
};

/** Undoes `encrypt`; throws `DoesNotOpen`. */
export const decrypt = (key: Buffer, sealed: Buffer, context: Buffer): Buffer => {
  if (sealed.length < nonceBytes + tagBytes) throw new DoesNotOpen('the sealed value is too short');
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes }).setAAD(context);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  // As it is, since GCM's last part is empty: of a copy one would stay behind that nobody zeroes.
  const opened = decipher.update(sealed.subarray(nonceBytes, -tagBytes));
  try {
    decipher.final();
    return opened;
  } catch (cause) {
    opened.fill(0);
    throw new DoesNotOpen('the sealed value was altered or belongs to another context', { cause });
  }
};

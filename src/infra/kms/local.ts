import { existsSync } from 'node:fs';
import type { Kms } from '../ports.ts';
import { createEnvelopeKms, decrypt, encrypt, UnknownMasterKey } from './envelope.ts';
import { ensureMasterKeys, readMasterKeys } from './key-file.ts';

/**
 * A KMS whose master keys are in a file of mode 0600: JSON `{ current: id, keys: { id: base64 of 32 bytes } }`, made on first use.
 * To rotate, add a key and name it current; keep the old ones for as long as anything is sealed under them.
 * Throws at once where the file is readable by others or is not such a file.
 */
export const createLocalKms = ({ file }: { file: string }): Kms => {
  if (!existsSync(file)) ensureMasterKeys(file);
  let held = readMasterKeys(file);

  const masterKey = (id: string): Buffer => {
    // Another replica may seal under a key that was added since: the file is read again before giving up.
    if (!held.keys.has(id)) held = readMasterKeys(file);
    const key = held.keys.get(id);
    if (!key) throw new UnknownMasterKey(`${file} has no master key ${JSON.stringify(id)}`);
    return key;
  };

  return createEnvelopeKms({
    wrap: async (dataKey, context) => ({ keyId: held.current, wrapped: encrypt(masterKey(held.current), dataKey, context) }),
    unwrap: async (keyId, wrapped, context) => decrypt(masterKey(keyId), wrapped, context),
  });
};

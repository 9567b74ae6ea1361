import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { type Kms, type Log, UnknownMasterKey } from '../ports.ts';
import type { CacheLimits } from './cache.ts';
import { decrypt, encrypt, keyBytes } from './cipher.ts';
import { createEnvelopeKms } from './envelope.ts';
import { currentVersion, encode } from './format.ts';
import type { KeyKeeper } from './keeper.ts';
import { ensureMasterKeys, keyIdForm, readMasterKeys } from './key-file.ts';

type LocalSettings = { file: string; log?: Log; lookMs?: number };

/**
 * Master keys in a file of mode 0600: JSON `{ current: id, keys: { id: base64 of 32 bytes } }`, made on first use. A change of the file counts
 * within `lookMs` (a second), in every process that reads it. Throws at once where the file is readable by others or is not such a file.
 */
export const createLocalKeeper = ({ file, log, lookMs = 1_000 }: LocalSettings): KeyKeeper => {
  if (!existsSync(file)) ensureMasterKeys(file);
  const markOf = (): string => {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${size}`;
  };
  // The mark before the content: a change in between is seen at the next look.
  let mark = markOf();
  let held = readMasterKeys(file);
  let looked = performance.now();

  /** What is held stays where the file cannot be read any more: that is told, and no reason to seal or open nothing. */
  const look = (): void => {
    looked = performance.now();
    try {
      const seen = markOf();
      if (seen === mark) return;
      held = readMasterKeys(file);
      // Only now: what could not be read is looked at again, since a mended mode changes neither time nor size.
      mark = seen;
      log?.info({ current: held.current, known: held.keys.size }, 'the file of master keys has changed');
    } catch (error) {
      log?.warn({ error }, 'the file of master keys cannot be read: those read before are used on');
    }
  };
  const lookNowAndThen = (): void => {
    if (performance.now() - looked >= lookMs) look();
  };
  const masterKey = (id: string): Buffer => {
    // Another process may seal under a key that was added since.
    if (!held.keys.has(id)) look();
    const key = held.keys.get(id);
    if (!key) throw new UnknownMasterKey(`${file} has no master key ${JSON.stringify(id)}`);
    return key;
  };
  const wrap = (dataKey: Buffer, context: Parameters<KeyKeeper['generate']>[0]) => {
    lookNowAndThen();
    const keyId = held.current;
    return { keyId, wrapped: encrypt(masterKey(keyId), dataKey, encode(currentVersion, 'key', context)) };
  };
  const unwrap: KeyKeeper['unwrap'] = async (keyId, wrapped, context, version) =>
    decrypt(masterKey(keyId), wrapped, encode(version, 'key', context));

  return {
    generate: async (context) => {
      const dataKey = randomBytes(keyBytes);
      return { dataKey, ...wrap(dataKey, context) };
    },
    unwrap,
    rewrap: async (keyId, wrapped, context) => {
      const dataKey = await unwrap(keyId, wrapped, context, currentVersion);
      try {
        return wrap(dataKey, context);
      } finally {
        dataKey.fill(0);
      }
    },
    current: async () => {
      lookNowAndThen();
      return held.current;
    },
    owns: (keyId) => keyIdForm.test(keyId),
    isAway: () => false,
    close: () => {},
  };
};

export const createLocalKms = (settings: LocalSettings, limits?: CacheLimits): Kms =>
  createEnvelopeKms(createLocalKeeper(settings), undefined, limits);

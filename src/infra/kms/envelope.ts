import type { Kms } from '../ports.ts';
import { type CacheLimits, openKeyCache } from './cache.ts';
import { decrypt, encrypt } from './cipher.ts';
import { currentVersion, encode, headOf, pack, type Unpacked, unpack } from './format.ts';
import type { KeyKeeper } from './keeper.ts';

/**
 * Envelope encryption over `keeper`, a fresh data key for every record (the form: ./format.ts). `former` is a keeper that another one was
 * used before: what it wrapped still opens, and a rewrap moves it.
 */
export const createEnvelopeKms = (keeper: KeyKeeper, former?: KeyKeeper, limits?: CacheLimits): Kms => {
  const cache = openKeyCache(limits);
  const keeperOf = (keyId: string): KeyKeeper => (former && !keeper.owns(keyId) && former.owns(keyId) ? former : keeper);
  const boundTo = ({ version, head }: Unpacked, context: Parameters<Kms['open']>[1]): Buffer => {
    const data = encode(version, 'data', context);
    return version === 1 ? Buffer.concat([head, data]) : data;
  };

  const kms: Kms = {
    async seal(plaintext, context) {
      const { dataKey, keyId, wrapped } = await keeper.generate(context);
      try {
        return pack(keyId, wrapped, encrypt(dataKey, plaintext, encode(currentVersion, 'data', context)));
      } finally {
        dataKey.fill(0);
      }
    },
    async open(sealed, context) {
      const parts = unpack(sealed);
      const cached = cache.get(parts, context);
      if (cached) return decrypt(cached, parts.body, boundTo(parts, context));
      const dataKey = await keeperOf(parts.keyId).unwrap(parts.keyId, parts.wrapped, context, parts.version);
      try {
        const plaintext = decrypt(dataKey, parts.body, boundTo(parts, context));
        cache.keep(parts, context, dataKey);
        return plaintext;
      } catch (error) {
        dataKey.fill(0);
        throw error;
      }
    },
    async rewrap(sealed, context) {
      const { version, keyId, wrapped, body } = unpack(sealed);
      // An older form binds its body to the old wrapping, and another keeper cannot take a key over: those are sealed anew.
      if (version !== currentVersion || !keeper.owns(keyId)) {
        const plaintext = await kms.open(sealed, context);
        return kms.seal(plaintext, context).finally(() => plaintext.fill(0));
      }
      if (keyId === (await keeper.current())) return null;
      const fresh = await keeper.rewrap(keyId, wrapped, context);
      return pack(fresh.keyId, fresh.wrapped, body);
    },
    keyIdOf: (sealed) => unpack(sealed).keyId,
    currentHead: async () => headOf(await keeper.current()),
    stats: () => ({ ...cache.stats(), away: keeper.isAway() }),
    close: () => {
      cache.close();
      keeper.close();
      former?.close();
    },
  };
  return kms;
};

/** A KMS over the network that does not answer. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Kms, Unavailable } from '../../../src/infra/ports.ts';
import { type Provider, providers } from './providers.ts';

const context = { purpose: 'totp_secret', id: 'row-1', owner: 'user-1' };
const secret = Buffer.from('a secret');

describe.each([
  ['aws', providers.aws],
  ['vault', providers.vault],
])('While the KMS is away (%s)', (_name, start) => {
  let provider: Provider;
  let kms: Kms;
  beforeEach(async () => {
    provider = await start();
    kms = await provider.open();
  });
  afterEach(async () => {
    kms.close();
    await provider.close();
  });
  const away = async (work: Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await expect(work).rejects.toBeInstanceOf(Unavailable);
    return performance.now() - began;
  };

  it.each(['away', 'silent', 503, 429] as const)(
    '(%s) cached keys open, all else is UNAVAILABLE in bounded time, and with it back all is well',
    async (how) => {
      const [known, unknown] = [await kms.seal(secret, context), await kms.seal(secret, context)];
      await kms.open(known, context);
      provider.trouble!(how);
      const before = provider.requests!();
      expect(await away(kms.seal(secret, context))).toBeLessThan(3_000);
      // Three tries, and no more.
      expect(provider.requests!() - before).toBe(3);
      await away(kms.open(unknown, context));
      expect(await kms.open(known, context)).toEqual(secret);
      // Five in a row without an answer: it is left alone for half a minute.
      expect(kms.stats().away).toBe(true);
      const asked = provider.requests!();
      expect(await away(kms.seal(secret, context))).toBeLessThan(50);
      expect(provider.requests!()).toBe(asked);
      provider.trouble!(null);
      const restarted = await provider.open();
      expect(await restarted.open(unknown, context)).toEqual(secret);
      restarted.close();
    },
  );

  it('one answer that got lost costs one try more, and nobody anything', async () => {
    const sealed = await kms.seal(secret, context);
    provider.trouble!('away');
    const opening = kms.open(sealed, context);
    setTimeout(() => provider.trouble!(null), 20);
    expect(await opening).toEqual(secret);
    expect(kms.stats().away).toBe(false);
  });

  it('a rewrap leaves things as they are', async () => {
    const sealed = await kms.seal(secret, context);
    const copy = Buffer.from(sealed);
    provider.rotate();
    provider.trouble!(500);
    await away(kms.rewrap(sealed, context));
    expect(sealed).toEqual(copy);
  });
});

/** What every KMS does, whoever holds its master keys. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DoesNotOpen, type Kms, UnknownMasterKey } from '../../../src/infra/ports.ts';
import { noCache, type Provider, providers } from './providers.ts';

const context = { purpose: 'totp_secret', id: 'row-1', owner: 'user-1' };
const secret = Buffer.from('JBSWY3DPEHPK3PXP');
const refused = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('it opened'),
    (error: Error) => error,
  );

describe.each(Object.entries(providers))('A KMS with master keys at %s', (_name, start) => {
  let provider: Provider;
  let kms: Kms;
  beforeAll(async () => {
    provider = await start();
    kms = await provider.open(noCache);
  });
  afterAll(async () => {
    kms.close();
    await provider.close();
  });

  it('opens what it sealed, also in another process and when there is nothing in it, and seals the same value differently each time', async () => {
    const sealed = await kms.seal(secret, context);
    expect(sealed.includes(secret)).toBe(false);
    expect((await kms.seal(secret, context)).equals(sealed)).toBe(false);
    const other = await provider.open();
    expect(await other.open(sealed, context)).toEqual(secret);
    expect(await other.open(sealed, context)).toEqual(secret);
    expect(await other.open(await kms.seal(Buffer.alloc(0), context), context)).toHaveLength(0);
    expect(other.stats()).toMatchObject({ cached: 2, hits: 1, misses: 2, away: false });
    other.close();
    expect(other.stats().cached).toBe(0);
  });

  it('opens nothing in another row, of another owner or for another purpose, cached or not', async () => {
    const cached = await provider.open();
    const sealed = await kms.seal(secret, context);
    await cached.open(sealed, context);
    const others = [
      { ...context, purpose: 'signing_key' },
      { ...context, id: 'row-2' },
      { ...context, owner: 'user-2' },
      { purpose: context.purpose, id: context.id },
      { purpose: 'totp_secretrow-1', id: '', owner: 'user-1' },
    ];
    for (const other of others)
      for (const each of [kms, cached]) expect(await refused(each.open(sealed, other)), JSON.stringify(other)).toBeInstanceOf(DoesNotOpen);
    cached.close();
  });

  it('opens nothing with a flipped bit in any byte, nor cut at any place, nor with anything added, cached or not', async () => {
    const cached = await provider.open();
    const sealed = await kms.seal(secret, context);
    await cached.open(sealed, context);
    const altered: Buffer[] = Array.from(sealed, (_, at) => {
      const copy = Buffer.from(sealed);
      copy[at]! ^= 1 << (at & 7);
      return copy;
    });
    for (let length = 0; length < sealed.length; length += 7) altered.push(sealed.subarray(0, length));
    altered.push(Buffer.concat([sealed, Buffer.from([0])]));
    for (const each of [kms, cached])
      for (const [at, copy] of altered.entries()) {
        const error = await refused(each.open(copy, context));
        expect(error instanceof DoesNotOpen || error instanceof UnknownMasterKey, `${at}: ${error}`).toBe(true);
      }
    expect(await cached.open(sealed, context)).toEqual(secret);
    cached.close();
  });

  it('does not open with the wrapped key of another value, be it of the same row', async () => {
    const [one, two] = [await kms.seal(secret, context), await kms.seal(secret, context)];
    const bodyLength = 12 + secret.length + 16;
    const mixed = Buffer.concat([one.subarray(0, -bodyLength), two.subarray(-bodyLength)]);
    expect(mixed).toHaveLength(one.length);
    expect(await refused(kms.open(mixed, context))).toBeInstanceOf(DoesNotOpen);
  });

  it('seals under a new master key at once, and takes old values over without a change of their body', async () => {
    const old = await kms.seal(secret, context);
    const before = kms.keyIdOf(old);
    expect(await kms.rewrap(old, context)).toBeNull();
    expect(old.subarray(0, (await kms.currentHead()).length)).toEqual(await kms.currentHead());
    provider.rotate();
    const fresh = await kms.seal(secret, context);
    expect(kms.keyIdOf(fresh)).not.toBe(before);
    const head = await kms.currentHead();
    expect(fresh.subarray(0, head.length)).toEqual(head);
    expect(old.subarray(0, head.length)).not.toEqual(head);
    const rewrapped = await kms.rewrap(old, context);
    expect(kms.keyIdOf(rewrapped!)).toBe(kms.keyIdOf(fresh));
    const bodyLength = 12 + secret.length + 16;
    expect(rewrapped!.subarray(-bodyLength)).toEqual(old.subarray(-bodyLength));
    for (const each of [old, rewrapped!, fresh]) expect(await kms.open(each, context)).toEqual(secret);
    expect(await kms.rewrap(rewrapped!, context)).toBeNull();
  });

  it('rewraps nothing in another context and nothing that was altered', async () => {
    const old = await kms.seal(secret, context);
    provider.rotate();
    expect(await refused(kms.rewrap(old, { ...context, owner: 'user-2' }))).toBeInstanceOf(DoesNotOpen);
    const head = old.length - (12 + secret.length + 16);
    const current = await kms.currentHead();
    for (let at = 2; at < head; at += 3) {
      const copy = Buffer.from(old);
      copy[at]! ^= 1;
      // One that now names the current key is not touched: whoever opens it is told.
      if (copy.subarray(0, current.length).equals(current)) continue;
      const error = await refused(kms.rewrap(copy, context));
      expect(error instanceof DoesNotOpen || error instanceof UnknownMasterKey, `${at}: ${error}`).toBe(true);
    }
  });

  it('says that a master key is lost for what is under it, and goes on with the rest', async () => {
    const old = await kms.seal(secret, context);
    provider.rotate();
    const fresh = await kms.seal(secret, context);
    provider.lose(kms.keyIdOf(old));
    expect(await refused(kms.rewrap(old, context))).toBeInstanceOf(UnknownMasterKey);
    expect(await refused((await provider.open(noCache)).open(old, context))).toBeInstanceOf(UnknownMasterKey);
    expect(await kms.open(fresh, context)).toEqual(secret);
    expect(kms.stats().away).toBe(false);
  });
});

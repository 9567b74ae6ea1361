import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLocalKms } from '../../../src/infra/kms/local.ts';
import { DoesNotOpen, UnknownMasterKey } from '../../../src/infra/ports.ts';

const root = mkdtempSync(join(tmpdir(), 'latchkey-kms-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const freshFile = () => join(root, `dir-${++count}`, 'master-keys.json');
const context = { purpose: 'totp', id: 'row-1', owner: 'user-1' };
const secret = Buffer.from('JBSWY3DPEHPK3PXP');
const posix = process.platform !== 'win32';

type KeyFile = { current: string; keys: Record<string, string> };
const readKeys = (file: string): KeyFile => JSON.parse(readFileSync(file, 'utf8'));
const writeKeys = (file: string, keys: KeyFile) => writeFileSync(file, JSON.stringify(keys));

describe('The local KMS', () => {
  it('opens what it sealed, also after a restart and when there is nothing in it, and seals the same value differently each time.', async () => {
    const file = freshFile();
    const kms = createLocalKms({ file });
    const sealed = await kms.seal(secret, context);
    expect(sealed.includes(secret)).toBe(false);
    expect((await kms.seal(secret, context)).equals(sealed)).toBe(false);
    const restarted = createLocalKms({ file });
    expect(await restarted.open(sealed, context)).toEqual(secret);
    expect(await restarted.open(await kms.seal(Buffer.alloc(0), context), context)).toHaveLength(0);
    expect(await restarted.open(new Uint8Array(sealed), context)).toEqual(secret);
  });

  it('does not open in another context, however alike the two are spelled.', async () => {
    const kms = createLocalKms({ file: freshFile() });
    const sealed = await kms.seal(secret, context);
    const others = [
      { ...context, purpose: 'webauthn' },
      { ...context, id: 'row-2' },
      { ...context, owner: 'user-2' },
      { purpose: 'totp', id: 'row-1' },
      { purpose: 'totp', id: 'row-1', owner: '' },
      { purpose: 'totprow-1', id: '', owner: 'user-1' },
      { purpose: 'totp","row-1', id: 'user-1' },
    ];
    for (const other of others) await expect(kms.open(sealed, other), JSON.stringify(other)).rejects.toBeInstanceOf(DoesNotOpen);
    const ownerless = await kms.seal(secret, { purpose: 'totp', id: 'row-1' });
    await expect(kms.open(ownerless, { purpose: 'totp', id: 'row-1', owner: '' })).rejects.toBeInstanceOf(DoesNotOpen);
  });

  it('does not open with any one bit flipped, nor cut at any place, nor with anything added.', async () => {
    const kms = createLocalKms({ file: freshFile() });
    const sealed = await kms.seal(secret, context);
    const refuses = async (altered: Buffer, what: string) => {
      const outcome = await kms.open(altered, context).catch((error: unknown) => error);
      expect(outcome instanceof DoesNotOpen || outcome instanceof UnknownMasterKey, what).toBe(true);
    };
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      await refuses(altered, `bit ${bit}`);
    }
    for (let length = 0; length < sealed.length; length++) await refuses(sealed.subarray(0, length), `length ${length}`);
    await refuses(Buffer.concat([sealed, Buffer.from([0])]), 'one byte more');
  });

  it('seals under the current key, opens under the others, and says so when it does not have the key.', async () => {
    const [file, elsewhere] = [freshFile(), freshFile()];
    const before = createLocalKms({ file });
    const old = await before.seal(secret, context);
    createLocalKms({ file: elsewhere });
    const added = readKeys(elsewhere);
    const kept = readKeys(file);
    writeKeys(file, { current: added.current, keys: { ...kept.keys, ...added.keys } });
    const after = createLocalKms({ file });
    const fresh = await after.seal(secret, context);
    expect(fresh.includes(added.current)).toBe(true);
    expect(await after.open(old, context)).toEqual(secret);
    // The process that started before reads the file again when it meets a key it does not know.
    expect(await before.open(fresh, context)).toEqual(secret);
    await expect(createLocalKms({ file: elsewhere }).open(old, context)).rejects.toThrow(UnknownMasterKey);
  });

  it.runIf(posix)('makes its file for the owner alone, and refuses one that others may read.', () => {
    const file = freshFile();
    createLocalKms({ file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(file, mode);
      expect(() => createLocalKms({ file })).toThrow(/others may read it. Run: chmod 600/);
    }
  });

  it('refuses a file that is none of its own, and shows nothing of it.', () => {
    const file = freshFile();
    createLocalKms({ file });
    const { current, keys } = readKeys(file);
    const key = keys[current]!;
    const bad = [
      key,
      '',
      `{"current":"${current}","keys":{"${current}":"${key}"`,
      JSON.stringify({ current: 'gone', keys }),
      JSON.stringify({ current, keys: { [current]: key.slice(4) } }),
      JSON.stringify({ current, keys: { 'an id with spaces': key } }),
    ];
    for (const text of bad) {
      writeFileSync(file, text);
      let told = '';
      try {
        createLocalKms({ file });
      } catch (error) {
        told = String(error);
      }
      expect(told, text).toContain(file);
      expect(told).not.toContain(key.slice(4, 20));
    }
  });

  it('agrees with processes that start at the same moment, and leaves no draft behind.', async () => {
    const file = freshFile();
    const module = new URL('../../../src/infra/kms/local.ts', import.meta.url).href;
    const seal = `const { createLocalKms } = await import(${JSON.stringify(module)});
      const sealed = await createLocalKms({ file: ${JSON.stringify(file)} }).seal(Buffer.from('x'), { purpose: 'p', id: 'i' });
      process.stdout.write(sealed.toString('hex'));`;
    const all = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', seal], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.on('data', (part) => (text += part));
        expect(await once(child, 'close')).toEqual([0, null]);
        return Buffer.from(text, 'hex');
      }),
    );
    const kms = createLocalKms({ file });
    for (const sealed of all) expect((await kms.open(sealed, { purpose: 'p', id: 'i' })).toString()).toBe('x');
    expect(readdirSync(join(file, '..'))).toEqual(['master-keys.json']);
  });
});

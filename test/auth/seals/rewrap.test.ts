/** Old values under a new master key: all of them, once, and nothing lost on the way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/auth/seals/model.ts';
import { addMasterKey } from '../../../src/infra/kms/key-file.ts';
import { createLocalKms } from '../../../src/infra/kms/local.ts';
import { type Kms, Unavailable } from '../../../src/infra/ports.ts';
import { openSealed, type Sealed, type SealedRow } from '../../kit/sealed.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-rewrap-'));
const file = join(directory, 'keys.json');
const openLocal = () => createLocalKms({ file, lookMs: 0 });
let kms: Kms;
let house: Sealed;
beforeAll(async () => {
  kms = openLocal();
  house = await openSealed(kms);
});
afterAll(async () => {
  await house.close();
  rmSync(directory, { recursive: true });
});
beforeEach(() => house.sql('DELETE FROM users'));
const rotate = () => addMasterKey(file, { use: true });
const allAreUnder = async (keyId: string, rows: readonly SealedRow[]) => {
  for (const row of rows) {
    expect(kms.keyIdOf(await house.sealedOf(row))).toBe(keyId);
    expect(await house.opened(row)).toBe(row.secret);
  }
};

describe('a rewrap', () => {
  it('brings every value under the current key, tells how far it is, leaves one fact, and has nothing to do a second time', async () => {
    const rows = await house.fill(250);
    const keyId = rotate();
    const seals = house.seals();
    const seen: number[] = [];
    const pass = await seals.rewrap({ progress: ({ rewrapped }) => seen.push(rewrapped) });
    expect(pass).toEqual({ stale: 250, rewrapped: 250, changed: 0, failed: 0, next: null });
    expect(seen).toEqual([100, 200, 250, 250]);
    await allAreUnder(keyId, rows);
    expect(seals.progress()).toEqual({ at: expect.any(Date), left: 0, rewrapped: 250, failed: 0 });
    expect(await seals.keysInUse()).toEqual([{ column: 'mfa_methods.sealed_secret', keyId, values: 250 }]);
    expect(await seals.rewrap()).toMatchObject({ stale: 0, rewrapped: 0 });
    expect(await house.facts()).toEqual([{ data: { keyId, rewrapped: 250, failed: 0 } }]);
  });

  it('leaves what it cannot open as it is, byte by byte, says which and why, and does the rest', async () => {
    const rows = await house.fill(30);
    const [lost, altered, moved, none] = rows as [SealedRow, SealedRow, SealedRow, SealedRow];
    const foreign = createLocalKms({ file: join(directory, 'foreign.json') });
    await house.put(lost, await house.seal(lost, foreign));
    const broken = await house.sealedOf(altered);
    broken[50]! ^= 1;
    await house.put(altered, broken);
    await house.put(moved, await house.sealedOf(rows[9]!));
    await house.put(none, Buffer.from('not sealed at all'));
    const bad = [lost, altered, moved, none];
    const before = await Promise.all(bad.map(house.sealedOf));
    const keyId = rotate();
    const failures: Failure[] = [];
    const pass = await house.seals().rewrap({ failed: (failure) => failures.push(failure) });
    expect(pass).toMatchObject({ stale: 30, rewrapped: 26, failed: 4 });
    expect(await Promise.all(bad.map(house.sealedOf))).toEqual(before);
    const reasons = Object.fromEntries(failures.map(({ column, key, reason }) => [key, `${column} ${reason.split(':')[0]}`]));
    expect(reasons).toEqual({
      [lost.id]: 'mfa_methods.sealed_secret UnknownMasterKey',
      [altered.id]: 'mfa_methods.sealed_secret DoesNotOpen',
      [moved.id]: 'mfa_methods.sealed_secret DoesNotOpen',
      [none.id]: 'mfa_methods.sealed_secret DoesNotOpen',
    });
    await allAreUnder(
      keyId,
      rows.filter((row) => !bad.includes(row)),
    );
  });

  it('never overwrites what somebody has written meanwhile, whoever is first, fifty times', async () => {
    const rows = await house.fill(10);
    for (let round = 0; round < 50; round += 1) {
      const keyId = rotate();
      const fresh = rows.map((row) => ({ ...row, secret: `${row.secret} ${round}` }));
      const writing = fresh.map(async (row, n) => {
        if (n < 5) for (let turn = 0; turn < n; turn += 1) await new Promise(setImmediate);
        await house.put(row, await house.seal(row));
      });
      await Promise.all([house.seals().rewrap(), ...writing]);
      await allAreUnder(keyId, fresh);
    }
  });

  it('of two at once takes each value over once', async () => {
    const rows = await house.fill(300);
    const keyId = rotate();
    const passes = await Promise.all([house.seals(openLocal()).rewrap(), house.seals(openLocal()).rewrap()]);
    expect(passes[0]!.rewrapped + passes[1]!.rewrapped).toBe(300);
    for (const pass of passes) expect(pass).toMatchObject({ failed: 0, next: null });
    await allAreUnder(keyId, rows);
  });

  it('that the KMS fails in the middle has done what it has done; the next one does the rest', async () => {
    const rows = await house.fill(200);
    const keyId = rotate();
    let left = 120;
    const failing: Kms = {
      ...kms,
      rewrap: async (...given) => {
        left -= 1;
        if (left < 0) throw new Unavailable('the KMS does not answer');
        return kms.rewrap(...given);
      },
    };
    await expect(house.seals(failing).rewrap()).rejects.toThrow(Unavailable);
    expect(await house.seals().rewrap()).toMatchObject({ stale: 80, rewrapped: 80 });
    await allAreUnder(keyId, rows);
  });
});

describe('the rewrap in the background', () => {
  it('takes up a new key at its next turn, and looks at nothing in between but once an hour', async () => {
    const rows = await house.fill(3);
    const seals = house.seals();
    await seals.rewrapSome();
    const keyId = rotate();
    await seals.rewrapSome();
    await allAreUnder(keyId, rows);
    const straggler = createLocalKms({ file: join(directory, 'keys.json'), lookMs: 1e9 });
    const again = rotate();
    await seals.rewrapSome();
    await house.put(rows[0]!, await house.seal(rows[0]!, straggler));
    await seals.rewrapSome();
    expect(kms.keyIdOf(await house.sealedOf(rows[0]!))).toBe(keyId);
    house.clock.move(3_600);
    await seals.rewrapSome();
    await allAreUnder(again, rows);
  });

  it('goes on behind what it cannot open, a part at a time, and the log names each', async () => {
    const rows = await house.fill(60);
    for (const { id } of rows.slice(0, 30)) await house.put({ id }, Buffer.from('not sealed at all'));
    const keyId = rotate();
    const seals = house.seals();
    const ids = rows.map(({ id }) => id).sort();
    const first = await seals.rewrap({ limit: 20 });
    expect(first.next).toEqual({ column: 2, after: ids[19] });
    let next = first.next;
    while (next) next = (await seals.rewrap({ limit: 20, from: next })).next;
    await allAreUnder(keyId, rows.slice(30));
    expect(seals.progress()).toMatchObject({ rewrapped: 30, failed: 30, left: 0 });
    house.lines.length = 0;
    await seals.rewrapSome();
    expect(house.lines.filter((line) => line.includes('stays as it is'))).toHaveLength(30);
    expect(house.lines.join()).toContain(ids[0]);
  });
});

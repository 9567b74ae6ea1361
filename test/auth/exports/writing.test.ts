/** Writing an export: part by part, by whoever comes, whatever stopped the one before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFacts } from '../../../src/auth/audit/list.ts';
import { writeExport } from '../../../src/auth/exports/write.ts';
import type { Kms } from '../../../src/infra/ports.ts';
import { exportEvents, fetchFrom, stateOf } from '../../kit/exports.ts';
import { factsAbout, write } from '../../kit/following.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let auditor: SignedInPerson;
let subject: string;
beforeAll(async () => {
  world = await openWorld();
  auditor = await world.signedIn(undefined, { roles: ['superadmin'] });
  subject = (await world.person()).id;
  await write(world, factsAbout(world, subject, 3_500));
});
afterAll(() => world?.close());

/** One that the queue does not write: this test does. */
const unwritten = async (): Promise<string> => {
  const { infra } = world.house;
  const at = world.clock.now();
  const id = infra.random.uuid(at);
  await world.sql(
    `INSERT INTO exports (id, kind, owner_id, session_id, format, visible, sees_addresses, total, created_at, expires_at)
     VALUES ($1, 'AUDIT', $2, $3, 'NDJSON', $4, true, 3500, $5, $6)`,
    [
      id,
      auditor.id,
      auditor.sessionId,
      JSON.stringify({ personId: null, subjectId: subject, to: at }),
      at,
      new Date(at.getTime() + 86_400_000),
    ],
  );
  return id;
};
const writer = (kms: Kms = world.house.infra.kms) => writeExport({ ...world.house.infra, kms, facts: openFacts(world.house.infra) });
const idsOf = async (id: string): Promise<string[]> => {
  const { downloadUrl } = await stateOf(auditor.client, id);
  const text = await (await fetchFrom(world, downloadUrl)).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).id);
};
const wanted = async () =>
  (await world.sql<{ id: string }>('SELECT id FROM audit_events WHERE subject_id = $1 ORDER BY id DESC', [subject])).map(({ id }) => id);

describe('an export', () => {
  it('that was stopped after each of its parts is gone on with, and has each fact once', async () => {
    const id = await unwritten();
    let left = 0;
    const failing = {
      ...world.house.infra.kms,
      seal: (...args: Parameters<Kms['seal']>) => {
        if (left-- <= 0) throw new Error('stopped');
        return world.house.infra.kms.seal(...args);
      },
    } as Kms;
    for (let part = 1; part <= 3; part += 1) {
      left = 1;
      await expect(writer(failing)(id)).rejects.toThrow('stopped');
      expect(await stateOf(auditor.client, id)).toMatchObject({ status: 'RUNNING', rows: part * 1_000, downloadUrl: null });
    }
    await writer()(id);
    expect(await stateOf(auditor.client, id)).toMatchObject({ status: 'READY', rows: 3_500, progress: 1 });
    expect(await idsOf(id)).toEqual(await wanted());
  });

  it('that several write at the very moment has each fact once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await unwritten();
      await Promise.all([writer()(id), writer()(id), writer()(id)]);
      // Who lost a part has stopped: one goes on, as the queue has it go on.
      await writer()(id);
      expect((await stateOf(auditor.client, id)).rows).toBe(3_500);
      expect(await idsOf(id)).toEqual(await wanted());
    }
  });

  it('that was not written within an hour has failed, and is not written any more', async () => {
    const id = await unwritten();
    world.clock.move(3_601);
    await world.house.auth.exports.sweep();
    auditor = await world.signIn(auditor);
    expect(await stateOf(auditor.client, id)).toMatchObject({ status: 'FAILED', downloadUrl: null });
    await writer()(id);
    expect(await stateOf(auditor.client, id)).toMatchObject({ status: 'FAILED', rows: 0 });
  });

  it('lies nowhere readable: its parts are sealed', async () => {
    const { id } = await exportEvents(auditor.client, { format: 'NDJSON', filter: { subjectId: subject } });
    await writer()(id);
    const parts = await world.sql<{ sealed: Buffer }>('SELECT sealed FROM export_parts');
    expect(parts.length).toBeGreaterThan(0);
    for (const { sealed } of parts) {
      expect(sealed.includes('user.updated')).toBe(false);
      // gzip's first two bytes (RFC 1952 §2.3.1): what is kept is not what was only compressed.
      expect(sealed.subarray(0, 2)).not.toEqual(Buffer.of(0x1f, 0x8b));
    }
  });
});

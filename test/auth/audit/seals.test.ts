/** The log as it is sealed: every fact once, in commit order, by however many processes; and what a verification says to whom. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesIn, idOf } from '../../../src/auth/audit/merkle.ts';
import { countFacts } from '../../kit/administration.ts';
import { factsAbout, settled, write } from '../../kit/following.ts';
import { keepLog } from '../../kit/log.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let second: World;
let auditor: SignedInPerson;
const log = keepLog();
beforeAll(async () => {
  world = await openWorld({ LOG_LEVEL: 'info' }, { destination: log.destination });
  second = await openWorld({}, world);
  auditor = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

const sealAll = async () => {
  await settled(world);
  await world.house.auth.audit.seal();
};
const verification = 'valid events seals from to firstBroken';
const verify = async (client = auditor.client, args = '') => {
  const { data, errors } = await client.ask(`{ verifyAuditTrail${args} { ${verification} } }`);
  return errors?.[0] ? errors[0].extensions.code : data.verifyAuditTrail;
};
const sealed = async (): Promise<string[]> =>
  (await world.sql<{ entries: Buffer }>('SELECT entries FROM audit_seals ORDER BY number')).flatMap(({ entries }) =>
    entriesIn(entries).map(idOf),
  );
const inOrder = async (): Promise<string[]> =>
  (await world.sql<{ id: string }>('SELECT id FROM audit_events ORDER BY tx, seq')).map(({ id }) => id);

describe('the log', () => {
  it('is sealed as it stands, in batches of at most a thousand, and then verified', async () => {
    await write(world, factsAbout(world, auditor.id, 2_500));
    await sealAll();
    const count = await countFacts(world);
    expect(await sealed()).toEqual(await inOrder());
    expect(await verify()).toEqual({
      valid: true,
      events: count,
      seals: expect.any(Number),
      from: expect.any(String),
      to: expect.any(String),
      firstBroken: null,
    });
    const sizes = await world.sql<{ events: number }>('SELECT events FROM audit_seals ORDER BY number');
    expect(Math.max(...sizes.map(({ events }) => events))).toBe(1_000);
  });

  it('has no seal more where nothing has happened', async () => {
    await sealAll();
    const before = await sealed();
    expect(await world.house.auth.audit.seal()).toBe(0);
    expect(await sealed()).toEqual(before);
  });

  it('is sealed once, whole and in order, by two processes that seal at the very moment, ×50, while facts are written', async () => {
    const made: number[] = [];
    for (let round = 0; round < 50; round += 1) {
      const some = () => write(world, factsAbout(world, auditor.id, 3));
      const [, , one, other] = await Promise.all([some(), some(), world.house.auth.audit.seal(), second.house.auth.audit.seal()]);
      made.push(one + other);
    }
    await sealAll();
    expect(Math.max(...made)).toBeGreaterThan(0);
    expect(await sealed()).toEqual(await inOrder());
    expect(await verify()).toMatchObject({ valid: true, events: await countFacts(world) });
  });

  it('leaves out no fact of a transaction that ends late', async () => {
    await sealAll();
    const [late, early] = [factsAbout(world, auditor.id, 1), factsAbout(world, auditor.id, 1)];
    await world.house.infra.database.transaction(async (sql) => {
      await write(world, late, sql);
      await write(world, early);
      await world.house.auth.audit.seal();
      expect(await sealed()).not.toContain(early[0]?.id);
    });
    await sealAll();
    expect((await sealed()).slice(-2)).toEqual([late[0]?.id, early[0]?.id]);
    expect(await verify()).toMatchObject({ valid: true });
  });

  it('has its seals told to the operator’s log, root and all', async () => {
    const [last] = await world.sql<{ number: string; root: Buffer }>('SELECT number, root FROM audit_seals ORDER BY number DESC LIMIT 1');
    expect(log.text()).toContain(last?.root.toString('base64url'));
    expect(log.text()).toContain('"msg":"the log was sealed"');
  });

  it.each(['UPDATE audit_seals SET total = total', 'DELETE FROM audit_seals', 'TRUNCATE audit_seals'])(
    'keeps its seals: %s is refused',
    async (text) => {
      const before = await sealed();
      await expect(world.sql(text)).rejects.toThrow('append-only');
      expect(await sealed()).toEqual(before);
    },
  );

  it('is valid after its transaction ids were renumbered, as a logical dump in another cluster needs, and is sealed on', async () => {
    const before = await inOrder();
    await world.sql('UPDATE webhook_cursor c SET tx = e.tx, seq = e.seq FROM audit_events e WHERE e.id = $1', [before[1_234]]);
    await world.sql('SELECT audit_renumber()');
    const cursor = 'SELECT e.id FROM audit_events e JOIN webhook_cursor c ON (e.tx, e.seq) = (c.tx, c.seq)';
    expect(await world.sql(cursor)).toEqual([{ id: before[1_234] }]);
    expect(await inOrder()).toEqual(before);
    expect(await world.sql('SELECT DISTINCT tx::text FROM audit_events')).toEqual([{ tx: '3' }]);
    await write(world, factsAbout(world, auditor.id, 3));
    await sealAll();
    expect(await sealed()).toEqual(await inOrder());
    expect(await verify()).toMatchObject({ valid: true, events: await countFacts(world) });
    await expect(world.sql('UPDATE audit_events SET tx = tx')).rejects.toThrow('append-only');
  });
});

describe('a verification', () => {
  it('is for holders of audit.verify, and takes no range that ends before it begins', async () => {
    const person = await world.signedIn();
    expect(await verify(world.anonymous)).toBe('UNAUTHENTICATED');
    expect(await verify(person.client)).toBe('FORBIDDEN');
    expect(await verify(auditor.client, '(from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z")')).toBe('BAD_REQUEST');
    expect(await verify(auditor.client, '(from: "2001-01-01T00:00:00Z", to: "2001-01-02T00:00:00Z")')).toEqual({
      valid: true,
      events: 0,
      seals: 0,
      from: null,
      to: null,
      firstBroken: null,
    });
  });

  it('comes one after the other in a process; of six at once two are told to come later', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => verify()));
    expect(answers.filter((answer) => answer === 'RATE_LIMITED')).toHaveLength(2);
    expect(answers.filter((answer) => answer.valid)).toHaveLength(4);
    expect(await verify()).toMatchObject({ valid: true });
  });
});

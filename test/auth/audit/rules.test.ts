/** The pure rules of the log and of pages, for any input. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAfter, type Position, typeMatches } from '../../../src/auth/audit/model.ts';
import { isUuid, maxPageSize, type PageArgs, pageOf, windowOf } from '../../../src/auth/paging.ts';

const numbers = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 1200n }));
const positions: fc.Arbitrary<Position> = fc.record({ tx: numbers.map(String), seq: numbers.map(String) });

describe('the order of commits', () => {
  it('is total and strict: of two places exactly one comes after the other, or they are one', () => {
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        const same = a.tx === b.tx && a.seq === b.seq;
        expect(Number(isAfter(a, b)) + Number(isAfter(b, a)) + Number(same)).toBe(1);
      }),
    );
  });

  it('is one order: what comes after what comes after comes after', () => {
    fc.assert(
      fc.property(positions, positions, positions, (a, b, c) => {
        fc.pre(isAfter(a, b) && isAfter(b, c));
        expect(isAfter(a, c)).toBe(true);
      }),
    );
  });

  it('is by the transaction first, whatever the number, beyond what a double can hold', () => {
    fc.assert(
      fc.property(numbers, numbers, numbers, (tx, seq, other) => {
        expect(isAfter({ tx: `${tx + 1n}`, seq: `${seq}` }, { tx: `${tx}`, seq: `${other}` })).toBe(true);
        expect(isAfter({ tx: `${tx}`, seq: `${seq + 1n}` }, { tx: `${tx}`, seq: `${seq}` })).toBe(true);
      }),
    );
  });
});

describe('a filter of types', () => {
  const word = fc.constantFrom('user', 'session', 'login', 'login_failed', 'created');
  const names = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));

  it('takes a name for itself alone, and a prefix with a star for all below it', () => {
    fc.assert(
      fc.property(names, names, (wanted, type) => {
        expect(typeMatches([wanted], type)).toBe(wanted === type);
        expect(typeMatches([`${wanted}.*`], type)).toBe(type.startsWith(`${wanted}.`));
        expect(typeMatches(['*'], type)).toBe(true);
      }),
    );
  });

  it('takes what one of its members takes, and all where it has none', () => {
    const members = fc.array(
      fc.oneof(
        names,
        names.map((name) => `${name}.*`),
      ),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(members, names, (wanted, type) => {
        expect(typeMatches(wanted, type)).toBe(wanted.length === 0 || wanted.some((each) => typeMatches([each], type)));
      }),
    );
  });
});

describe('pages', () => {
  type Row = { id: string };
  const uuids = fc.uniqueArray(fc.uuid({ version: 7 }), { maxLength: 40 }).map((ids) => ids.sort().reverse());
  /** What the database does with a window, newest first. */
  const read = (ids: readonly string[], args: PageArgs) => {
    const window = windowOf(args);
    const inside = ids.filter((id) => (!window.after || id < window.after) && (!window.before || id > window.before));
    const rows: Row[] = (window.backwards ? inside.toReversed() : inside).slice(0, window.size + 1).map((id) => ({ id }));
    return pageOf(window, rows);
  };
  const idsOf = (page: ReturnType<typeof read>) => page.edges.map((edge) => edge.node.id);

  it('joined forward are the whole, and say truly whether there is more', () => {
    fc.assert(
      fc.property(uuids, fc.integer({ min: 1, max: 12 }), (ids, first) => {
        const seen: string[] = [];
        for (let after: string | null = null, more = true; more; ) {
          const page: ReturnType<typeof read> = read(ids, { first, after });
          seen.push(...idsOf(page));
          expect(page.pageInfo.hasNextPage).toBe(seen.length < ids.length);
          expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
          ({ endCursor: after, hasNextPage: more } = page.pageInfo);
        }
        expect(seen).toEqual(ids);
      }),
    );
  });

  it('joined backward are the whole, in the same order', () => {
    fc.assert(
      fc.property(uuids, fc.integer({ min: 1, max: 12 }), (ids, last) => {
        const seen: string[] = [];
        for (let before: string | null = null, more = true; more; ) {
          const page: ReturnType<typeof read> = read(ids, { last, before });
          seen.unshift(...idsOf(page));
          ({ startCursor: before, hasPreviousPage: more } = page.pageInfo);
        }
        expect(seen).toEqual(ids);
      }),
    );
  });

  it('neither lose nor repeat a row while newer ones are added', () => {
    fc.assert(
      fc.property(uuids, fc.integer({ min: 1, max: 6 }), (ids, first) => {
        const [added, known] = [ids.slice(0, ids.length >> 1), ids.slice(ids.length >> 1)];
        const present = [...known];
        const seen: string[] = [];
        for (let after: string | null = null, more = true; more; ) {
          const page: ReturnType<typeof read> = read(present, { first, after });
          seen.push(...idsOf(page));
          ({ endCursor: after, hasNextPage: more } = page.pageInfo);
          const next = added.pop();
          if (next) present.unshift(next);
        }
        expect(seen).toEqual(known);
      }),
    );
  });

  it('are refused beyond their limits and with cursors that are none, and nothing else is', () => {
    const count = fc.option(fc.integer({ min: -5, max: maxPageSize + 5 }));
    const cursor = fc.option(fc.oneof(fc.uuid(), fc.string()));
    fc.assert(
      fc.property(count, cursor, count, cursor, (first, after, last, before) => {
        const fits = (n: number | null) => n === null || (n >= 1 && n <= maxPageSize);
        const right =
          !(first !== null && last !== null) && fits(first) && fits(last) && [after, before].every((id) => id === null || isUuid(id));
        const attempt = () => windowOf({ first, after, last, before });
        if (right) expect(attempt()).toMatchObject({ size: last ?? first ?? 25, backwards: last !== null });
        else expect(attempt).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
      }),
    );
  });
});

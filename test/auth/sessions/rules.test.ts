/** The pure rules of refresh tokens and sessions, for any input. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endedBecause, meaningOf } from '../../../src/auth/sessions/model.ts';
import { isGenuine, parseRefreshToken, writeRefreshToken } from '../../../src/auth/tokens/refresh-token.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const generations = fc.integer({ min: 0, max: 0x7fff_ffff });
const tokens = fc.record({ secret: bytes(32), salt: bytes(16), id: fc.uuid(), generation: generations });

describe('a refresh token', () => {
  it('is read back as it was written, and is genuine under its own secret and salt alone', () => {
    fc.assert(
      fc.property(tokens, bytes(32), bytes(16), ({ secret, salt, id, generation }, otherSecret, otherSalt) => {
        const token = writeRefreshToken(secret, salt, id, generation);
        expect(token).toMatch(/^lkr_[\w-]{80}$/);
        const parts = parseRefreshToken(secret, token)!;
        expect(parts).toMatchObject({ sessionId: id, generation });
        expect(isGenuine(salt, parts)).toBe(true);
        if (!otherSalt.equals(salt)) expect(isGenuine(otherSalt, parts)).toBe(false);
        if (!otherSecret.equals(secret)) expect(parseRefreshToken(otherSecret, token)).toBeNull();
      }),
    );
  });

  it('has one spelling: any other character anywhere makes it no token of ours', () => {
    const characters = [...'AZaz09-_+/=. \n\u00e9\u0000'];
    fc.assert(
      fc.property(tokens, fc.nat(83), fc.constantFrom(...characters), ({ secret, salt, id, generation }, at, character) => {
        const token = writeRefreshToken(secret, salt, id, generation);
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        fc.pre(changed !== token);
        const parts = parseRefreshToken(secret, changed);
        expect(parts !== null && isGenuine(salt, parts)).toBe(false);
      }),
    );
  });

  it('is never made of chance: any text is none, and nothing throws', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      bytes(60).map((each) => `lkr_${each.toString('base64url')}`),
    );
    fc.assert(fc.property(bytes(32), texts, (secret, text) => parseRefreshToken(secret, text) === null));
  });

  it('differs between generations, sessions and houses', () => {
    fc.assert(
      fc.property(tokens, generations, fc.uuid(), ({ secret, salt, id, generation }, other, otherId) => {
        const token = writeRefreshToken(secret, salt, id, generation);
        if (other !== generation) expect(writeRefreshToken(secret, salt, id, other).slice(40)).not.toBe(token.slice(40));
        if (otherId !== id) expect(writeRefreshToken(secret, salt, otherId, generation).slice(40)).not.toBe(token.slice(40));
      }),
    );
  });
});

describe('what a genuine token means', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const cases = fc.record({
    generation: fc.integer({ min: 0, max: 20 }),
    seenGeneration: fc.integer({ min: -1, max: 20 }),
    presented: fc.integer({ min: 0, max: 22 }),
    agoMs: fc.integer({ min: 0, max: 7 * 86_400_000 }),
    grace: fc.integer({ min: 0, max: 600 }),
  });
  const meaning = (c: { generation: number; seenGeneration: number; presented: number; agoMs: number; grace: number }) =>
    meaningOf({ ...c, rotatedAt: new Date(now.getTime() - c.agoMs) }, c.presented, now, c.grace);

  it('is rotate for the current generation and for no other, whatever else is true', () => {
    fc.assert(fc.property(cases, (c) => (meaning(c) === 'rotate') === (c.presented === c.generation)));
  });

  it('is reused for every generation but the last two', () => {
    fc.assert(
      fc.property(cases, (c) => {
        fc.pre(c.presented !== c.generation && c.presented !== c.generation - 1);
        expect(meaning(c)).toBe('reused');
      }),
    );
  });

  it('is, for the previous one, never reused before the grace is over nor while the current one has not been seen', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const previous = { ...c, generation: c.generation + 1, presented: c.generation };
        const unseen = previous.seenGeneration < previous.generation;
        const within = c.agoMs <= c.grace * 1000;
        expect(meaning(previous)).toBe(within ? 'repeat' : unseen ? 'lost' : 'reused');
      }),
    );
  });

  it('only gets worse with time and with use: what is reused stays reused', () => {
    fc.assert(
      fc.property(cases, fc.nat(86_400_000), fc.nat(5), (c, laterMs, seenMore) => {
        fc.pre(meaning(c) === 'reused');
        expect(meaning({ ...c, agoMs: c.agoMs + laterMs, seenGeneration: c.seenGeneration + seenMore })).toBe('reused');
      }),
    );
  });
});

describe('the end of a session', () => {
  const at = fc.integer({ min: 0, max: 4_000_000_000_000 }).map((ms) => new Date(ms));
  const sessions = fc.record({
    expires_at: at,
    last_seen_at: at,
    idle_seconds: fc.integer({ min: 1, max: 31_536_000 }),
    revoked_at: fc.option(at),
    revoked_reason: fc.constantFrom(null, 'logout' as const),
  });

  it('comes with the first of revocation, age and idleness, and is final', () => {
    fc.assert(
      fc.property(sessions, at, fc.nat(1_000_000_000), (session, now, laterMs) => {
        const over =
          session.revoked_at !== null ||
          session.expires_at.getTime() <= now.getTime() ||
          session.last_seen_at.getTime() + session.idle_seconds * 1000 <= now.getTime();
        expect(endedBecause(session, now) !== null).toBe(over);
        if (over) expect(endedBecause(session, new Date(now.getTime() + laterMs))).not.toBeNull();
      }),
    );
  });
});

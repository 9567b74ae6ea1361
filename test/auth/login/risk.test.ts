/** What is odd about a sign-in: the pure rules, and what the fact of a sign-in says with a database of places. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceKm, isImpossibleTravel } from '../../../src/auth/login/risk.ts';
import { countryDatabase } from '../../infra/country-database.ts';
import { stranger } from '../../kit/caller.ts';
import { openWorld, password } from '../../kit/world.ts';

const vienna = { country: 'AT', latitude: 48.21, longitude: 16.37 };
const tokyo = { country: 'JP', latitude: 35.68, longitude: 139.69 };
const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000);

describe('the distance of two places', () => {
  it('is that of the globe', () => {
    expect(distanceKm(vienna, tokyo)).toBeGreaterThan(9_000);
    expect(distanceKm(vienna, tokyo)).toBeLessThan(9_300);
  });

  it('is the same both ways, none to itself, and never more than half around the earth', () => {
    const place = fc.record({
      latitude: fc.double({ min: -90, max: 90, noNaN: true }),
      longitude: fc.double({ min: -180, max: 180, noNaN: true }),
    });
    fc.assert(
      fc.property(place, place, (a, b) => {
        const km = distanceKm(a, b);
        expect(distanceKm(b, a)).toBeCloseTo(km, 3);
        expect(km).toBeLessThan(20_040);
        expect(distanceKm(a, a)).toBeCloseTo(0, 3);
      }),
    );
  });
});

describe('impossible travel', () => {
  it.each([
    ['Vienna to Tokyo in two hours', vienna, tokyo, 2, true],
    ['Vienna to Tokyo in a day', vienna, tokyo, 24, false],
    ['a few streets in no time', vienna, { ...vienna, latitude: 48.3 }, 0, false],
    ['another country within minutes, places unknown', { ...vienna, latitude: null, longitude: null }, tokyo, 0.1, true],
    ['another country after an hour, places unknown', { ...vienna, latitude: null, longitude: null }, tokyo, 1, false],
    ['nobody knows where from', null, tokyo, 1, null],
  ])('%s', (_title, from, to, hours, verdict) => {
    expect(isImpossibleTravel({ at: at(0), place: from }, { at: at(hours), place: to })).toBe(verdict);
  });
});

describe('the fact of a sign-in', () => {
  it('says whether the country is new, and nothing where places are not known', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-risk-'));
    const file = join(directory, 'country.mmdb');
    writeFileSync(file, countryDatabase(81, 'AT'));
    const world = await openWorld({ GEOIP_DATABASE: file });
    try {
      const person = await world.person();
      const from = (ip: string) => world.house.auth.login.withPassword(stranger(ip), { email: person.email, password });
      for (const ip of ['203.0.113.1', '81.1.2.3', '81.9.9.9']) expect((await from(ip)).kind).toBe('SignedIn');
      const facts = await world.sql<{ data: object }>(
        `SELECT data FROM audit_events WHERE type = 'user.login' AND subject_id = $1 ORDER BY seq`,
        [person.id],
      );
      expect(facts.map(({ data }) => data)).toEqual([
        { newDevice: true, newCountry: null, impossibleTravel: null, persistent: false, amr: ['pwd'] },
        { newDevice: false, newCountry: true, impossibleTravel: null, persistent: false, amr: ['pwd'] },
        { newDevice: false, newCountry: false, impossibleTravel: false, persistent: false, amr: ['pwd'] },
      ]);
    } finally {
      await world.close();
      rmSync(directory, { recursive: true });
    }
  });
});

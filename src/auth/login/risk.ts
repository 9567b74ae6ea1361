/** What is odd about a sign-in: data on its fact, so that rules can come later. Pure. */
import type { Place } from '../../infra/ports.ts';

/** The sign-in before this one, and whether there was ever one from the same country. */
export type Trace = { at: Date; ip: string | null; country: string | null; countryKnown: boolean };

export type Risk = { newDevice: boolean; newCountry: boolean | null; impossibleTravel: boolean | null };

const earthRadiusKm = 6371;
/** Faster than an airliner. */
const mostKmPerHour = 1000;
/** Addresses are placed no better than this. */
const blurKm = 100;
/** Where only countries are known: nobody leaves one and arrives in another within so short a time. */
const borderMinutes = 30;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;
/** The great-circle distance, by the haversine formula. */
export const distanceKm = (a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }): number => {
  const half = (from: number, to: number): number => Math.sin(radians(to - from) / 2) ** 2;
  const h = half(a.latitude, b.latitude) + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(a.longitude, b.longitude);
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(h)));
};

/** Whether nobody can have been at both places. Null where one of them is not known. */
export const isImpossibleTravel = (from: { at: Date; place: Place | null }, to: { at: Date; place: Place | null }): boolean | null => {
  const [a, b] = [from.place, to.place];
  if (!a || !b) return null;
  const hours = Math.abs(to.at.getTime() - from.at.getTime()) / 3_600_000;
  if (a.latitude === null || a.longitude === null || b.latitude === null || b.longitude === null)
    return a.country === null || b.country === null ? null : a.country !== b.country && hours * 60 < borderMinutes;
  const km = distanceKm({ latitude: a.latitude, longitude: a.longitude }, { latitude: b.latitude, longitude: b.longitude });
  return km > blurKm && km > mostKmPerHour * hours;
};

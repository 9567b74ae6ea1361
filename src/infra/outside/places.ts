import { type CountryResponse, open, validate } from 'maxmind';
import type { Places } from '../ports.ts';

/**
 * Countries of addresses by a MaxMind-format database (`file`, .mmdb), read into memory; without one every country is null.
 * Throws an Error that names the file when it cannot be read.
 */
export const openPlaces = async (file: string | undefined): Promise<Places> => {
  if (file === undefined) return { country: () => null };
  const reader = await open<CountryResponse>(file).catch((cause: unknown) => {
    throw new Error(`GEOIP_DATABASE: ${file} is no readable MaxMind database`, { cause });
  });
  // The reader throws on what is no address, and an address may come from a header.
  return { country: (ip) => (validate(ip) ? (reader.get(ip)?.country?.iso_code ?? null) : null) };
};

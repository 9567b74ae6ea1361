import { type CityResponse, open, validate } from 'maxmind';
import type { Places } from '../ports.ts';

/**
 * Places of addresses by a MaxMind-format database (`file`, .mmdb; of countries or of cities), read into memory; without one every place is
 * unknown. Throws an Error that names the file when it cannot be read.
 */
export const openPlaces = async (file: string | undefined): Promise<Places> => {
  if (file === undefined) return { known: false, place: () => null };
  const reader = await open<CityResponse>(file).catch((cause: unknown) => {
    throw new Error(`GEOIP_DATABASE: ${file} is no readable MaxMind database`, { cause });
  });
  return {
    known: true,
    // The reader throws on what is no address, and an address may come from a header.
    place: (ip) => {
      const found = validate(ip) ? reader.get(ip) : null;
      if (!found) return null;
      const { country, location } = found;
      return { country: country?.iso_code ?? null, latitude: location?.latitude ?? null, longitude: location?.longitude ?? null };
    },
  };
};

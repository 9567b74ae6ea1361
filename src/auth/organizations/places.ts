/** Which organization a user's session may speak for, and which it speaks for unless told. */
import type { Permissions } from '../access/permissions.ts';

export type PlacesNeeds = { permissions: Pick<Permissions, 'compiled'> };
export const openPlaces = ({ permissions }: PlacesNeeds) => {
  // Whoever is a member holds a permission there: no role gives nothing.
  const placesOf = async (userId: string): Promise<readonly string[]> => [...(await permissions.compiled(userId)).organizations.keys()];
  const isMember = async (userId: string, orgId: string): Promise<boolean> => (await permissions.compiled(userId)).organizations.has(orgId);
  return {
    isMember,
    /** `wanted`, where the user is in it; else the only one of a user of one; null for everybody else. */
    placeOf: async (userId: string, wanted: string | null): Promise<string | null> => {
      const places = await placesOf(userId);
      if (wanted !== null && places.includes(wanted)) return wanted;
      return places.length === 1 ? (places[0] as string) : null;
    },
  };
};

/** A queue that many can wait in and nobody can fill: shares take turns, and what is too much is taken from the share that has most. */

export type Shared = { readonly share: string };

/** Within a share first in, first out. A share's turn is over with each of its items, however many others it has. */
export const createFairQueue = <Item extends Shared>() => {
  /** In the order of their turns. */
  const shares = new Map<string, Item[]>();
  let size = 0;
  return {
    size: (): number => size,
    add: (item: Item): void => {
      const items = shares.get(item.share);
      if (items) items.push(item);
      else shares.set(item.share, [item]);
      size += 1;
    },
    /** The next, or undefined where none waits. */
    take: (): Item | undefined => {
      const [first] = shares;
      if (!first) return undefined;
      const [share, items] = first;
      const item = items.shift();
      shares.delete(share);
      if (items.length > 0) shares.set(share, items);
      size -= 1;
      return item;
    },
    /** Whether no other share has more waiting. */
    isHeaviest: (share: string): boolean => {
      const own = shares.get(share)?.length ?? 0;
      for (const items of shares.values()) if (items.length > own) return false;
      return true;
    },
    /** Takes out what came last of the share that has most waiting. */
    dropHeaviest: (): Item | undefined => {
      let heaviest: Item[] | undefined;
      for (const items of shares.values()) if (!heaviest || items.length >= heaviest.length) heaviest = items;
      const item = heaviest?.pop();
      if (!item) return undefined;
      if (heaviest?.length === 0) shares.delete(item.share);
      size -= 1;
      return item;
    },
  };
};

import type { Clock, Limiter } from '../ports.ts';

type Window = { limit: number; milliseconds: number; takenAt: number[] };

const expiredAt = ({ takenAt, milliseconds }: Window): number => (takenAt.at(-1) ?? Number.NEGATIVE_INFINITY) + milliseconds;
const sample = 16;

/**
 * A sliding window in this process: the times of the places taken, by key. rate-limiter-flexible was not taken: its windows are fixed
 * (a key's count starts anew `duration` after its first point), so twice the limit passes around a boundary.
 * At most `capacity` keys are held, in order of use. When there are more, the one of the least used that has the smallest part of its
 * limit taken goes, so a flood of new keys pushes out others of its kind and not the counters that hold somebody back.
 */
export const createMemoryLimiter = (clock: Clock, capacity = 100_000): Limiter => {
  const windows = new Map<string, Window>();

  const makeRoom = (now: number) => {
    let least: { key: string; part: number } | undefined;
    const spared: [string, Window][] = [];
    for (const entry of windows) {
      const [key, window] = entry;
      const part = expiredAt(window) <= now ? 0 : window.takenAt.length / window.limit;
      if (!least || part < least.part) least = { key, part };
      if (part > 0) spared.push(entry);
      if (part === 0 || spared.length === sample) break;
    }
    if (least) windows.delete(least.key);
    // A second chance: those looked at and kept are not the first to be looked at again.
    for (const [key, window] of spared) if (windows.delete(key)) windows.set(key, window);
  };

  return {
    async take(key, rate) {
      if (!rate) return { allowed: true, retryAfterSeconds: 0 };
      const now = clock.now().getTime();
      const milliseconds = rate.seconds * 1000;
      const held = windows.get(key)?.takenAt ?? [];
      const takenAt = held.filter((at) => at > now - milliseconds);
      const allowed = takenAt.length < rate.limit;
      if (allowed) takenAt.push(now);
      windows.delete(key);
      if (windows.size >= capacity) makeRoom(now);
      windows.set(key, { limit: rate.limit, milliseconds, takenAt });
      if (allowed) return { allowed, retryAfterSeconds: 0 };
      // The place whose end makes room: the oldest one, or a later one where the limit has been lowered since.
      const freedAt = takenAt[takenAt.length - rate.limit]! + milliseconds;
      return { allowed, retryAfterSeconds: Math.max(1, Math.ceil((freedAt - now) / 1000)) };
    },
    async giveBack(key) {
      const window = windows.get(key);
      window?.takenAt.pop();
      if (window?.takenAt.length === 0) windows.delete(key);
    },
  };
};

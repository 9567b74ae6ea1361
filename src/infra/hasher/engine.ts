import { createRequire } from 'node:module';

/** argon2id parameters; memory in KiB. */
export type Cost = { memoryKib: number; timeCost: number; parallelism: number };

/** A library that does the work. PHC strings of one verify with the other. Throws on a string that is no argon2 hash. */
export type Engine = {
  name: string;
  hash(password: string, cost: Cost): string | Promise<string>;
  verify(phc: string, password: string): boolean | Promise<boolean>;
};

const load = createRequire(import.meta.url);

const rust = (): Engine => {
  const { hashSync, verifySync } = load('@node-rs/argon2') as typeof import('@node-rs/argon2');
  // `algorithm` and `version` are left at their defaults, argon2id and 0x13: the package's const enums do not exist at run time.
  return {
    name: '@node-rs/argon2',
    hash: (password, { memoryKib, timeCost, parallelism }) => hashSync(password, { memoryCost: memoryKib, timeCost, parallelism }),
    verify: (phc, password) => verifySync(phc, password),
  };
};

const reference = (): Engine => {
  const { argon2id, hash, verify } = load('argon2') as typeof import('argon2');
  return {
    name: 'argon2',
    hash: (password, { memoryKib, timeCost, parallelism }) =>
      hash(password, { type: argon2id, memoryCost: memoryKib, timeCost, parallelism }),
    verify: (phc, password) => verify(phc, password),
  };
};

/**
 * @node-rs/argon2, the fastest here; argon2 (the C reference) where the first has no binary for this platform.
 * `order` is for tests. Throws an AggregateError when none of them loads.
 */
export const loadEngine = (order: readonly (() => Engine)[] = [rust, reference]): Engine => {
  const problems: unknown[] = [];
  for (const make of order) {
    try {
      return make();
    } catch (problem) {
      problems.push(problem);
    }
  }
  throw new AggregateError(problems, 'neither @node-rs/argon2 nor argon2 can be loaded on this platform');
};

/** The engines by name, for the test that holds them equal. */
export const engines = { rust, reference };

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Before the workers are forked, so that their dates and the embedded PostgreSQL's agree wherever the machine stands.
process.env['TZ'] = 'UTC';

export default defineConfig({
  // Vite would take graphql's ES build for our files while Node takes its CommonJS one for the packages: two realms, which graphql refuses.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/kit/cluster.ts'],
    pool: 'forks',
    // A worker reads the house once, not once for each file: no test changes a module, and what it opens is its own.
    isolate: false,
    maxWorkers: Math.min(4, Math.max(2, availableParallelism())),
    // On a busy machine one measured second can be missed; what is broken is broken every time.
    retry: process.env['CI'] ? 2 : 0,
    testTimeout: 20_000,
    hookTimeout: 90_000,
    teardownTimeout: 30_000,
    env: { TZ: 'UTC' },
  },
});

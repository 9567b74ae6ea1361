/**
 * Read by the Prisma CLI, which only generates here (scripts/generate.ts): migrations are applied by scripts/db-migrate.ts,
 * so no datasource URL stands here and the CLI cannot reach a database by accident.
 */
import { defineConfig } from 'prisma/config';

export default defineConfig({ schema: 'prisma', migrations: { path: 'prisma/migrations' } });

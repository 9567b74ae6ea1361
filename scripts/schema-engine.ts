/**
 * Prisma's schema engine as WebAssembly: the comparison behind `prisma migrate diff`, with nothing downloaded and no child process.
 * For developers (db-diff.ts, the drift test); the server applies migrations without it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type { SchemaContainer, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

const prismaDirectory = fileURLToPath(new URL('../prisma', import.meta.url));

const readModels = async (directory: string): Promise<SchemaContainer[]> => {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.prisma')).sort();
  return Promise.all(names.map(async (name) => ({ path: join(directory, name), content: await readFile(join(directory, name), 'utf8') })));
};

// Part of the language's web half, which neither `lib` nor @types/node declares.
declare const WebAssembly: { instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: object } }> };

/** The package expects a bundler that imports .wasm, which Node does not: so it is instantiated by hand. */
const loadEngine = async (): Promise<typeof SchemaEngine> => {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const file = join(dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')), 'schema_engine_bg.wasm');
  const { instance } = await WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': { ...bindings } });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports as { __wbindgen_start(): void }).__wbindgen_start();
  return bindings.SchemaEngine;
};
let loaded: ReturnType<typeof loadEngine> | undefined;

/**
 * @prisma/adapter-pg 7.10 refuses PostgreSQL's one-byte type "char" (oid 18), which the engine's own catalogue queries return and the engine
 * wants as Character. So the pool calls it text, which the adapter takes, and the adapter's answer is put right by the rows it belongs to.
 */
const oneByteColumns = new WeakMap<unknown[], number[]>();
class CataloguePool extends pg.Pool {
  // biome-ignore lint/suspicious/noExplicitAny: pg declares a dozen overloads, of which the adapter calls one.
  override async query(...args: any[]): Promise<any> {
    const result = await super.query(...(args as [string]));
    const columns = (result.fields ?? []).flatMap(({ dataTypeID }, index) => (dataTypeID === 18 ? [index] : []));
    for (const index of columns) result.fields[index]!.dataTypeID = 25;
    oneByteColumns.set(result.rows, columns);
    return result;
  }
}
class CataloguePg extends PrismaPg {
  override async connect() {
    const adapter = await super.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      for (const index of oneByteColumns.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
      return result;
    };
    return adapter;
  }
}

/** What PostgreSQL holds and Prisma's models cannot say: the exact SQL with which the engine would undo it. */
const inexpressible = [
  // The engine reads a default of nextval() back as a serial column's, whose sequence it then takes for one too many.
  `-- AlterTable
ALTER TABLE "audit_events" ALTER COLUMN "seq" SET DEFAULT nextval('audit_events_seq'::regclass),
ALTER COLUMN "seq" DROP DEFAULT;
DROP SEQUENCE "audit_events_seq";`,
];

/** `sql` makes the database what the models say, and is empty where they are equal; `excused` counts the exceptions above that were met. */
export type Difference = { readonly sql: string; readonly excused: number; readonly exceptions: number };

/** Compares the database at `databaseUrl` with the models in `directory`. Partitions, functions and other schemas are none of the engine's business. */
export const diffToModels = async (databaseUrl: string, directory = prismaDirectory): Promise<Difference> => {
  loaded ??= loadEngine();
  const Engine = await loaded;
  // The engine looks for it when it panics; without it the panic's message is lost.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) } });
  const files = await readModels(directory);
  const pool = new CataloguePool({ connectionString: databaseUrl, max: 2 });
  try {
    const factory = bindMigrationAwareSqlAdapterFactory(new CataloguePg(pool));
    const engine = await Engine.new({ datamodels: files.map(({ path, content }) => [path, content]) }, () => {}, factory);
    const { stdout } = await engine
      .diff({
        from: { tag: 'schemaDatasource', files, configDir: directory },
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: null,
        filters: { externalTables: [], externalEnums: [] },
      })
      .finally(() => engine.free());
    const script = (stdout ?? '').replace(/^-- This is an empty migration\.\s*$/, '');
    const met = inexpressible.filter((exception) => script.includes(exception));
    const sql = met.reduce((rest, exception) => rest.replace(exception, ''), script).trim();
    return { sql: sql && `${sql}\n`, excused: met.length, exceptions: inexpressible.length };
  } finally {
    await pool.end();
  }
};

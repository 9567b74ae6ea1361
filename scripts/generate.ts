/**
 * `npm run generate` writes what is generated and committed: the Prisma client, the Pothos types, schema.graphql and .env.example.
 * `npm run generate -- --check` writes nothing, names the files that would change and exits 1 if there are any.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { familySettings, settings } from '../src/config.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const generatedDirectories = ['src/infra/postgres/generated/prisma', 'src/schema/generated'];

/** Relative path → content; null: the file should not be there. */
type Files = Map<string, string | null>;

const readTree = async (base: string, directory: string): Promise<Files> => {
  const entries = await readdir(join(base, directory), { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(base.length));
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(base, path), 'utf8')] as const)));
};

/** Runs `prisma generate` in a copy, so that nothing here is half written when it fails and --check can compare. */
const prismaFiles = async (): Promise<Files> => {
  const copy = `${await mkdtemp(join(tmpdir(), 'latchkey-generate-'))}/`;
  try {
    for (const path of ['prisma', 'prisma.config.ts', 'package.json', 'tsconfig.json'])
      await cp(join(root, path), join(copy, path), { recursive: true });
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
    // `generate` downloads a schema engine that it never runs, unless it is told of one. This one fails if it is run after all:
    // with one that exits 0, other Prisma commands say success and do nothing.
    const engine = join(copy, 'no-schema-engine');
    await writeFile(engine, '#!/bin/sh\nexit 1\n');
    await chmod(engine, 0o755);
    await promisify(execFile)(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate'], {
      cwd: copy,
      // The Pothos generator is found on PATH, which is npm's only when npm runs this script.
      env: {
        ...process.env,
        PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
        PRISMA_SCHEMA_ENGINE_BINARY: engine,
        CHECKPOINT_DISABLE: '1',
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
      },
    });
    const wanted: Files = new Map();
    for (const directory of generatedDirectories) {
      for (const path of (await readTree(root, directory)).keys()) wanted.set(path, null);
      for (const [path, content] of await readTree(copy, directory)) wanted.set(path, content);
    }
    return wanted;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
};

/** schema.graphql, as codegen.ts says. */
const schemaFiles = async (): Promise<Files> => {
  const { generate } = await import('@graphql-codegen/cli');
  const { default: config } = await import('../codegen.ts');
  const outputs = (await generate({ ...config, cwd: root, silent: true }, false)) as { filename: string; content: string }[];
  return new Map(outputs.map(({ filename, content }) => [filename.replace(root, ''), content]));
};

/** .env.example: every setting with its meaning and default, commented out. */
const environmentFiles = (): Files => {
  const sections = Object.entries({ ...settings, ...familySettings }).map(([name, { what, initial }]) => {
    // The default is the machine's number of cores: a committed file must not depend on who wrote it.
    const value = name === 'HASH_CONCURRENCY' ? '' : (initial ?? '');
    return `# ${what}\n# ${name}=${/[\s<>#"]/.test(value) ? `"${value}"` : value}\n`;
  });
  const head = '# Written by `npm run generate` from src/config.ts. Every setting, with its default; an empty value counts as not set.\n';
  return new Map([['.env.example', `${head}\n${sections.join('\n')}`]]);
};

/** The files of `wanted` that differ from those in the tree. */
const changes = async (wanted: Files): Promise<Files> => {
  const differing: Files = new Map();
  for (const [path, content] of wanted) {
    const present = await readFile(join(root, path), 'utf8').catch(() => null);
    if (present !== content) differing.set(path, content);
  }
  return differing;
};

const write = async (files: Files): Promise<void> => {
  for (const [path, content] of files) {
    if (content === null) await rm(join(root, path));
    else {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
  }
};

const check = process.argv.includes('--check');
const stale: string[] = [];
// One after the other: schema.graphql is printed from code that imports the generated client.
for (const files of [environmentFiles, prismaFiles, schemaFiles]) {
  const differing = await changes(await files());
  if (!check) await write(differing);
  stale.push(...differing.keys());
}
for (const path of stale) console.log(`${check ? 'would change' : 'wrote'} ${path}`);
if (check && stale.length > 0) process.exitCode = 1;
if (stale.length === 0) console.log('nothing to generate: all is current');

/** The one-way floors of the house (docs/house.md): imports go downwards only. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Higher stands on lower. http, grpc and events are beside each other: none may import another. */
const floors: Record<string, number> = { main: 6, http: 5, grpc: 5, events: 5, resolvers: 4, schema: 3, auth: 2, infra: 1, config: 0 };
const floorOf = (path: string): string => {
  const [first = ''] = path.split('/');
  if (['main.ts', 'house.ts', 'kms.ts'].includes(first)) return 'main';
  return first === 'config.ts' ? 'config' : first;
};
/** What config needs of infra is a type of the ports alone; the ports import nothing. */
const allowed = new Set(['config.ts → infra/ports.ts']);

type File = { path: string; text: string };
const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g)].map(
    (match) => (match[1] ?? match[2] ?? match[3]) as string,
  );

/** `file → imported` for every import that goes upwards or sideways. */
const trespasses = (files: readonly File[]): string[] =>
  files.flatMap(({ path, text }) =>
    importsOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => normalize(join(dirname(path), specifier)))
      .filter((target) => !target.startsWith('..') && !allowed.has(`${path} → ${target}`))
      .filter((target) => {
        const [from, to] = [floorOf(path), floorOf(target)];
        return from !== to && (floors[from] === undefined || floors[to] === undefined || floors[to] >= floors[from]);
      })
      .map((target) => `${path} → ${target}`),
  );

const files: File[] = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !path.includes('generated'))
  .map((path) => ({ path: relative(src, path), text: readFileSync(path, 'utf8') }));

describe('the floors', () => {
  it('are all there, in more than a hundred files with more than three hundred imports', () => {
    expect(new Set(files.map((file) => floorOf(file.path)))).toEqual(new Set(Object.keys(floors)));
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((file) => importsOf(file.text)).filter((name) => name.startsWith('.')).length).toBeGreaterThan(300);
  });

  it('import downwards only', () => {
    expect(trespasses(files)).toEqual([]);
  });

  it.each([
    ['auth/users/register.ts', "import { schema } from '../../resolvers/index.ts';"],
    ['infra/log.ts', "import type { Auth } from '../auth/index.ts';"],
    ['http/server.ts', "import { openTail } from '../events/tail.ts';"],
    ['grpc/calls.ts', "import { tell } from '../http/errors.ts';"],
    ['schema/builder.ts', "const x = await import('../http/index.ts');"],
    ['resolvers/users.ts', "export { main } from '../main.ts';"],
    ['auth/x.ts', "import '../attic/y.ts';"],
  ])('would catch a trespasser in %s', (path, text) => {
    expect(trespasses([{ path, text }])).toHaveLength(1);
  });

  it('keep GraphQL out of the domain and of infra, and HTTP too', () => {
    const foreign = /^(graphql($|-yoga|\/)|@pothos\/|graphql-ws|ws$|node:http$|@apollo\/)/;
    const low = files.filter((file) => ['auth', 'infra'].includes(floorOf(file.path)));
    expect(
      low.flatMap((file) =>
        importsOf(file.text)
          .filter((name) => foreign.test(name))
          .map((name) => `${file.path} → ${name}`),
      ),
      // A client: fetch cannot be told which address to connect to.
    ).toEqual(['infra/outside/webhooks.ts → node:http']);
  });

  it('leave process.env to config.ts, and the clock and chance to ports', () => {
    const uses = (pattern: RegExp, within: (path: string) => boolean) =>
      files.filter((file) => within(file.path) && pattern.test(file.text)).map((file) => file.path);
    expect(uses(/process\.env/, (path) => path !== 'config.ts')).toEqual([]);
    expect(uses(/Date\.now\(|new Date\(\)|Math\.random|randomBytes|randomUUID|randomInt/, (path) => path.startsWith('auth/'))).toEqual([]);
  });

  it('give the graph client to the builder alone, and let nobody but the house bind it', () => {
    const users = files.filter((file) => importsOf(file.text).some((name) => name.endsWith('/graph-client.ts'))).map((file) => file.path);
    expect(users.sort()).toEqual(['house.ts', 'schema/builder.ts']);
  });

  it('keep schema free of awaits: a field that awaits is a resolver', () => {
    const nouns = files.filter((file) => file.path.startsWith('schema/') && file.path !== 'schema/loaders.ts');
    expect(nouns.length).toBeGreaterThan(12);
    expect(nouns.filter((file) => /\bawait\b|\basync\b/.test(file.text)).map((file) => file.path)).toEqual([]);
  });
});

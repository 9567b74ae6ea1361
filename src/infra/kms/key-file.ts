import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { StartError } from '../ports.ts';

/** The master keys by id, 32 bytes each, and the id of the one that seals. */
export type MasterKeys = { current: string; keys: ReadonlyMap<string, Buffer> };

/** The ids of local keys, which no other keeper's have the form of. */
export const keyIdForm = /^[\w.-]{1,64}$/;

const form = z.object({
  current: z.string(),
  keys: z.record(
    z.string().regex(keyIdForm, 'an id is 1 to 64 of A-Z a-z 0-9 _ . -'),
    z.base64().refine((text) => Buffer.from(text, 'base64').length === 32, 'a key is the base64 of 32 bytes'),
  ),
});

/** Reads and checks the file. Throws an Error that names the file and what is wrong, never a key. */
export const readMasterKeys = (file: string): MasterKeys => {
  const opened = openSync(file, 'r');
  try {
    const mode = fstatSync(opened).mode & 0o777;
    // Windows has no such modes: what it reports there means nothing.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new StartError(`${file} holds master keys but has mode ${mode.toString(8)}: others may read it. Run: chmod 600 ${file}`);
    const parsed = form.safeParse(fromJson(readFileSync(opened, 'utf8')));
    if (!parsed.success) throw new StartError(`${file} is no file of master keys: ${parsed.error.issues.map(tell).join('; ')}`);
    const keys = new Map(Object.entries(parsed.data.keys).map(([id, text]) => [id, Buffer.from(text, 'base64')]));
    if (!keys.has(parsed.data.current)) throw new StartError(`${file}: its current key is not among its keys`);
    return { current: parsed.data.current, keys };
  } finally {
    closeSync(opened);
  }
};

// A parser's message may quote the text, which is keys.
const fromJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
const tell = (issue: z.core.$ZodIssue): string => `${issue.path.slice(0, 1).join('') || 'the whole'}: ${issue.message}`;

/**
 * Makes the file with one new key unless it is there: directory 0700, file 0600. It is written whole under another name and then
 * linked, which fails where the name is taken: of two processes that start at once, both read the keys of the one that was first.
 */
export const ensureMasterKeys = (file: string): void => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const id = randomBytes(6).toString('hex');
  const draft = `${file}.${id}`;
  const opened = openSync(draft, 'wx', 0o600);
  try {
    writeSync(opened, `${JSON.stringify({ current: id, keys: { [id]: randomBytes(32).toString('base64') } }, null, 2)}\n`);
    fsyncSync(opened);
    linkSync(draft, file);
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code !== 'EEXIST') throw problem;
  } finally {
    closeSync(opened);
    rmSync(draft, { force: true });
  }
};

const rest = 'Another change of it is under way; if none is (a process was killed), remove the lock';

/**
 * Changes the file under a lock and puts the new one in its place whole, with the mode and the owner of the old: a reader sees one or the other.
 * Without the lock, of two who add a key at once one would take the other's away, under which something may be sealed by then.
 */
const change = (file: string, work: (held: MasterKeys) => MasterKeys): void => {
  const lock = `${file}.lock`;
  const opened = openLock(lock);
  try {
    const next = work(readMasterKeys(file));
    const keys = Object.fromEntries([...next.keys].map(([id, key]) => [id, key.toString('base64')]));
    writeSync(opened, `${JSON.stringify({ current: next.current, keys }, null, 2)}\n`);
    const { uid, gid } = statSync(file);
    if (process.getuid?.() === 0) fchownSync(opened, uid, gid);
    fsyncSync(opened);
    renameSync(lock, file);
  } catch (problem) {
    // Not once it was renamed: what has its name then is another's, and without it two would write at once, and one put the other's half in place.
    rmSync(lock, { force: true });
    throw problem;
  } finally {
    closeSync(opened);
  }
};
const openLock = (lock: string): number => {
  try {
    return openSync(lock, 'wx', 0o600);
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'EEXIST') throw new StartError(`${lock} is there. ${rest}.`);
    throw problem;
  }
};

/** Adds a new key to the file, and with `use` has it seal from now on; its id. Throws `StartError` where the file is being changed. */
export const addMasterKey = (file: string, { use }: { use: boolean }): string => {
  const id = randomBytes(6).toString('hex');
  change(file, ({ current, keys }) => ({ current: use ? id : current, keys: new Map(keys).set(id, randomBytes(32)) }));
  return id;
};

/** Has a key that is in the file seal from now on. Throws `StartError` where it is not there. */
export const useMasterKey = (file: string, id: string): void =>
  change(file, ({ keys }) => {
    if (!keys.has(id)) throw new StartError(`${file} has no master key ${JSON.stringify(id)}`);
    return { current: id, keys };
  });

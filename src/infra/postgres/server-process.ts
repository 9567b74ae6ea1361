/** Runs PostgreSQL's programs as a user they agree to run as, and apart from this process's terminal. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { StartError } from '../ports.ts';

const run = promisify(execFile);
// Nothing of this process's environment (it may hold secrets) goes on to PostgreSQL.
const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** Whom PostgreSQL runs as: undefined is this process's own user. */
export type ServerUser = { readonly uid: number; readonly gid: number } | undefined;

/**
 * PostgreSQL refuses to run as root. Then it runs as whoever owns the data already, as the user `postgres`, or as `nobody`:
 * no user is added to the system for a development database.
 */
export const chooseUser = async (dataDirectory: string): Promise<ServerUser> => {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(dataDirectory).catch(() => null);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name]).catch(() => null)));
    if (uid && gid) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new StartError(
    'PostgreSQL refuses to run as root, and this system has no user postgres or nobody. Run as another user, or set DATABASE_URL.',
  );
};

/** How to start a program as `user`: a prefix of the command line, or options of spawn. */
export type Launch = { readonly prefix: readonly string[]; readonly options: { uid?: number; gid?: number } };

/**
 * Where root's directories are closed to `user` (a clone under /root or in a directory of mktemp), the program keeps CAP_DAC_OVERRIDE to pass them.
 * Accepted risk: the embedded PostgreSQL is for development, and root asked for it. Throws where that cannot be done either.
 */
export const launchAs = async (user: ServerUser, paths: readonly string[]): Promise<Launch> => {
  if (!user) return { prefix: [], options: {} };
  const reaches = async ({ prefix, options }: Launch): Promise<boolean> => {
    const command = [...prefix, '/bin/sh', '-c', 'for path; do test -x "$path" || exit 1; done', 'sh', ...paths];
    return run(command[0] as string, command.slice(1), { ...options, cwd: '/' }).then(
      () => true,
      () => false,
    );
  };
  const plain: Launch = { prefix: [], options: user };
  if (await reaches(plain)) return plain;
  const ids = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  const capable: Launch = {
    prefix: ['setpriv', ...ids, '--inh-caps=-all,+dac_override', '--ambient-caps=+dac_override', '--'],
    options: {},
  };
  if (await reaches(capable)) return capable;
  throw new StartError(
    `PostgreSQL refuses to run as root, and the user it would run as (uid ${user.uid}) cannot enter ${paths.join(' or ')}. ` +
      'Run as another user, move to a directory open to others, or set DATABASE_URL.',
  );
};

const tail = (text: string): string => text.trim().split('\n').slice(-6).join('\n');

/** Runs a program to its end; throws with the last lines it wrote where it fails. */
export const runProgram = async ({ prefix, options }: Launch, program: string, args: readonly string[]): Promise<void> => {
  const command = [...prefix, program, ...args];
  await run(command[0] as string, command.slice(1), {
    ...options,
    cwd: '/',
    env,
  }).catch((error: Error & { stderr?: string }) => {
    throw new StartError(`${program} failed: ${tail(error.stderr || error.message)}`, { cause: error });
  });
};

/**
 * The shell becomes PostgreSQL (same pid). Before that it leaves a watcher behind, which reads descriptor 3 until this process has gone, however
 * it went, and then asks PostgreSQL for a fast shutdown. A line read first means PostgreSQL has ended already. The double parentheses make
 * the watcher nobody's child: PostgreSQL takes a child it does not know for a crash.
 */
const watched = '( ( read -r _ <&3 || kill -INT $$ ) >/dev/null 2>&1 & ); exec "$@" 3<&-';

export type Server = {
  readonly pid: number;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; said: string }>;
  stop(): Promise<void>;
};

/**
 * Starts a postgres and resolves once it accepts connections; throws with what it said where it ends before that.
 * It has its own session: Ctrl-C reaches this process's whole group, and PostgreSQL must outlive this process's drain.
 */
export const startServer = async (
  launch: Launch,
  program: string,
  args: readonly string[],
  heard: (line: string) => void,
): Promise<Server> => {
  const command = [...launch.prefix, '/bin/sh', '-c', watched, 'sh', program, ...args];
  const child: ChildProcess = spawn(command[0] as string, command.slice(1), {
    ...launch.options,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env,
  });
  const watch = child.stdio[3] as Writable;
  watch.on('error', () => {});
  let said = '';
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; said: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, said: error.message }));
    child.once('exit', (code, signal) => {
      watch.end('\n');
      resolve({ code, signal, said: tail(said) });
    });
  });
  const ready = new Promise<true>((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4096);
      for (const line of text.split('\n')) if (line.trim()) heard(line.trim());
      if (said.includes('database system is ready to accept connections')) resolve(true);
    });
  });
  const first = await Promise.race([ready, ended]);
  if (first !== true) throw new StartError(first.said || `PostgreSQL ended with ${first.code ?? first.signal}`);
  const signal = (name: NodeJS.Signals) => child.exitCode === null && child.signalCode === null && child.kill(name);
  return {
    pid: child.pid as number,
    ended,
    stop: async () => {
      // PostgreSQL's manual, "Shutting Down the Server": SIGINT is fast, SIGQUIT is immediate (and means recovery at the next start).
      signal('SIGINT');
      const impatient = setTimeout(() => signal('SIGQUIT'), 20_000);
      await ended;
      clearTimeout(impatient);
    },
  };
};

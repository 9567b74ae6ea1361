/** Processor time by /proc (proc_pid_stat(5), proc_stat(5)): what an answer costs, and whether others worked on the machine meanwhile. */
import { readdirSync, readFileSync } from 'node:fs';

const tickMs = 10;
const sum = (values: readonly (number | undefined)[]): number => values.reduce((a: number, b) => a + (b ?? 0), 0);

type Process = { readonly parent: number; readonly ms: number; readonly endedChildrenMs: number };
/** Of core 0 and of the others. */
type Core = { busyMs: number; ms: number };
type Snapshot = { readonly processes: ReadonlyMap<number, Process>; readonly zero: Core; readonly others: Core };

const processOf = (pid: string): Process | null => {
  try {
    // The name may hold anything, so fields are counted from its closing bracket.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .map(Number);
    return { parent: fields[1] ?? 0, ms: tickMs * sum(fields.slice(11, 13)), endedChildrenMs: tickMs * sum(fields.slice(13, 15)) };
  } catch {
    return null;
  }
};

const snapshot = (): Snapshot => {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    const process = /^\d+$/.test(name) ? processOf(name) : null;
    if (process) processes.set(Number(name), process);
  }
  const [zero, others]: [Core, Core] = [
    { busyMs: 0, ms: 0 },
    { busyMs: 0, ms: 0 },
  ];
  for (const line of readFileSync('/proc/stat', 'utf8').split('\n')) {
    const [name = '', ...fields] = line.split(/\s+/);
    if (!/^cpu\d/.test(name)) continue;
    const numbers = fields.slice(0, 8).map(Number);
    const core = name === 'cpu0' ? zero : others;
    core.ms += tickMs * sum(numbers);
    core.busyMs += tickMs * (sum(numbers) - (numbers[3] ?? 0) - (numbers[4] ?? 0));
  }
  return { processes, zero, others };
};

/** A process with its children, and theirs. PostgreSQL has one for each connection. */
const familyMs = ({ processes }: Snapshot, root: number): number => {
  const family = new Set([root]);
  // Children have higher numbers than parents but where numbers have started anew, hence until nothing is added.
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const [pid, { parent }] of processes) if (family.has(parent)) family.add(pid);
  }
  const known = [...family].map((pid) => processes.get(pid));
  return sum(known.flatMap((process) => [process?.ms, process?.endedChildrenMs]));
};

export const parentOf = (pid: number): number | null => processOf(String(pid))?.parent ?? null;

export type Used = {
  readonly serverMs: number;
  readonly databaseMs: number;
  /** Shares, 0 to 1: how busy core 0 and the others were, and how much of the machine other programs took. */
  readonly zero: number;
  readonly others: number;
  readonly foreign: number;
};

const share = (part: number, whole: number): number => (whole > 0 ? Math.max(0, part / whole) : 0);

/** Runs `work` and tells what was used meanwhile, by the server's and PostgreSQL's process; null elsewhere than on Linux. */
export const watch = async <T>(
  work: () => Promise<T>,
  of: { server?: number; postmaster?: number | null } = {},
): Promise<{ value: T; used: Used | null }> => {
  if (process.platform !== 'linux') return { value: await work(), used: null };
  const before = snapshot();
  const value = await work();
  const after = snapshot();
  const spent = (pid: number | null | undefined): number => (pid ? familyMs(after, pid) - familyMs(before, pid) : 0);
  const [zeroBusy, othersBusy] = [after.zero.busyMs - before.zero.busyMs, after.others.busyMs - before.others.busyMs];
  const [zeroMs, othersMs] = [after.zero.ms - before.zero.ms, after.others.ms - before.others.ms];
  const used = {
    serverMs: spent(of.server),
    databaseMs: spent(of.postmaster),
    zero: share(zeroBusy, zeroMs),
    others: share(othersBusy, othersMs),
    foreign: share(zeroBusy + othersBusy - spent(process.pid), zeroMs + othersMs),
  };
  return { value, used };
};

import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type Cost, loadEngine } from './engine.ts';
import { verifyForeign } from './foreign.ts';
import { isArgon2 } from './phc.ts';

/** One piece of work: `phc` null is to hash, else to verify. */
export type Job = { phc: string | null; password: string };
export type Done = { value: string | boolean } | { problem: string };

const cost = workerData as Cost;
const niceness = 15;

// On Linux a niceness is a thread's own (setpriority(2), "C library/kernel differences"); elsewhere it would be the whole process's.
// So threads of the event loop and a database on the same machine go first when cores are short.
if (process.platform === 'linux') setPriority(niceness);

const engine = loadEngine();

const work = async ({ phc, password }: Job): Promise<Done> => {
  try {
    if (phc !== null && !isArgon2(phc)) return { value: verifyForeign(phc, password) };
    return { value: phc === null ? await engine.hash(password, cost) : await engine.verify(phc, password) };
  } catch (problem) {
    // A string in the right form whose numbers argon2 does not allow is no hash either.
    return phc === null ? { problem: String(problem) } : { value: false };
  }
};

parentPort?.on('message', async (job: Job) => parentPort?.postMessage(await work(job)));

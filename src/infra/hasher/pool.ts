import { Worker } from 'node:worker_threads';
import { Unavailable } from '../ports.ts';
import type { Cost } from './engine.ts';
import type { Done, Job } from './worker.ts';

type Task = Job & { resolve(value: string | boolean): void; reject(reason: Error): void };
type Thread = { worker: Worker; task: Task | null; startedAt: number };

const smoothing = 0.1;
const initialMeanMs = 50;

/**
 * Threads that hash, started when first needed, at most `concurrency`; `queue` tasks wait first in, first out, the surplus is refused at once.
 * A thread that dies fails its own task only, and another takes its place at the next need.
 */
export const createPool = (concurrency: number, queue: number, cost: Cost) => {
  const threads = new Set<Thread>();
  const idle: Thread[] = [];
  const waiting: Task[] = [];
  let refused = 0;
  let meanMs = initialMeanMs;
  let closing: Promise<void> | undefined;
  let drained = () => {};

  const running = () => threads.size - idle.length;
  const hint = () => Math.max(1, Math.ceil((meanMs * (waiting.length + running())) / concurrency / 1000));

  const give = (thread: Thread, task: Task) => {
    thread.task = task;
    thread.startedAt = performance.now();
    // A thread at work keeps the process alive, an idle one does not.
    thread.worker.ref();
    thread.worker.postMessage({ phc: task.phc, password: task.password } satisfies Job);
  };
  const next = (thread: Thread) => {
    const task = waiting.shift();
    if (task) return give(thread, task);
    thread.worker.unref();
    idle.push(thread);
    if (running() === 0) drained();
  };
  const finish = (thread: Thread, done: Done) => {
    const task = thread.task;
    thread.task = null;
    meanMs += smoothing * (performance.now() - thread.startedAt - meanMs);
    if ('value' in done) task?.resolve(done.value);
    else task?.reject(new Error(`hashing failed: ${done.problem}`));
    next(thread);
  };
  const lose = (thread: Thread, cause: unknown) => {
    if (!threads.delete(thread)) return;
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
    thread.task?.reject(new Unavailable('a hashing thread ended', 1, cause));
    const task = waiting.shift();
    if (task) give(start(), task);
    else if (running() === 0) drained();
  };
  const start = (): Thread => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: cost, name: 'hasher' });
    const thread: Thread = { worker, task: null, startedAt: 0 };
    threads.add(thread);
    worker.on('message', (done: Done) => finish(thread, done));
    worker.on('error', (cause) => lose(thread, cause));
    worker.on('exit', (code) => lose(thread, new Error(`exit code ${code}`)));
    return thread;
  };

  const end = async (): Promise<void> => {
    for (const task of waiting.splice(0)) task.reject(new Unavailable('hashing has been shut down', 1));
    if (running() > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      drained = resolve;
      await promise;
    }
    await Promise.all([...threads].map(({ worker }) => worker.terminate()));
  };

  return {
    /** The PHC string or the verdict. Throws `Unavailable` when as many as may are waiting already, or after `close`. */
    run(job: Job): Promise<string | boolean> {
      return new Promise((resolve, reject) => {
        const task = { ...job, resolve, reject };
        if (closing) return reject(new Unavailable('hashing has been shut down', 1));
        const thread = idle.pop() ?? (threads.size < concurrency ? start() : undefined);
        if (thread) return give(thread, task);
        if (waiting.length < queue) return void waiting.push(task);
        refused += 1;
        reject(new Unavailable('hashing is at capacity', hint()));
      });
    },
    stats: () => ({ running: running(), queued: waiting.length, refused }),
    /** Ends what waits with `Unavailable`, lets what runs finish, then ends the threads. */
    close: (): Promise<void> => (closing ??= end()),
  };
};

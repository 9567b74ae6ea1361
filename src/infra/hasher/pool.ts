import { Worker } from 'node:worker_threads';
import { Unavailable } from '../ports.ts';
import type { Cost } from './engine.ts';
import { createFairQueue } from './fair-queue.ts';
import type { Done, Job } from './worker.ts';

type Task = Job & { share: string; resolve(value: string | boolean): void; reject(reason: Error): void };
type Thread = { worker: Worker; task: Task | null; startedAt: number };

const smoothing = 0.1;
const initialMeanMs = 50;

/**
 * Threads that hash, started when first needed, at most `concurrency`; `queue` tasks wait, the surplus is refused at once. Whoever asks for many
 * (`share`: a network) waits behind those who ask for few, and is refused first (see ./fair-queue.ts).
 * A thread that dies fails its own task only, and another takes its place at the next need.
 */
export const createPool = (concurrency: number, queue: number, cost: Cost) => {
  const threads = new Set<Thread>();
  const idle: Thread[] = [];
  const waiting = createFairQueue<Task>();
  let refused = 0;
  let meanMs = initialMeanMs;
  let closing: Promise<void> | undefined;
  let drained = () => {};

  const running = () => threads.size - idle.length;
  const hint = () => Math.max(1, Math.ceil((meanMs * (waiting.size() + running())) / concurrency / 1000));

  const give = (thread: Thread, task: Task) => {
    thread.task = task;
    thread.startedAt = performance.now();
    // A thread at work keeps the process alive, an idle one does not.
    thread.worker.ref();
    thread.worker.postMessage({ phc: task.phc, password: task.password } satisfies Job);
  };
  const next = (thread: Thread) => {
    const task = waiting.take();
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
    const task = waiting.take();
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
    for (let task = waiting.take(); task; task = waiting.take()) task.reject(new Unavailable('hashing has been shut down', 1));
    if (running() > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      drained = resolve;
      await promise;
    }
    await Promise.all([...threads].map(({ worker }) => worker.terminate()));
  };

  return {
    /** The PHC string or the verdict. Throws `Unavailable` when as many as may are waiting already, or after `close`. */
    run(job: Job, share = ''): Promise<string | boolean> {
      return new Promise((resolve, reject) => {
        const task = { ...job, share, resolve, reject };
        if (closing) return reject(new Unavailable('hashing has been shut down', 1));
        const thread = idle.pop() ?? (threads.size < concurrency ? start() : undefined);
        if (thread) return give(thread, task);
        waiting.add(task);
        if (waiting.size() <= queue) return;
        refused += 1;
        waiting.dropHeaviest()?.reject(new Unavailable('hashing is at capacity', hint()));
      });
    },
    /** Throws what `run` would throw, where it would be this share's own task that is refused: asked before other work is done for it. */
    admit(share: string): void {
      if (waiting.size() < queue || idle.length > 0 || threads.size < concurrency || !waiting.isHeaviest(share)) return;
      refused += 1;
      throw new Unavailable('hashing is at capacity', hint());
    },
    stats: () => ({ running: running(), queued: waiting.size(), refused }),
    /** Ends what waits with `Unavailable`, lets what runs finish, then ends the threads. */
    close: (): Promise<void> => (closing ??= end()),
  };
};

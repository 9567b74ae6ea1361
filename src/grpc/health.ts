/** grpc.health.v1.Health: as /ready says over HTTP, SERVING while PostgreSQL answers and the house is not closing. Open to whoever reaches the port. */
import {
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { malformed, serviceNames } from './definition.ts';

type Status = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
type Request = { service: string } | typeof malformed;
type Answer = { status: Status };
type Watch = { stream: ServerWritableStream<Request, Answer>; known: boolean; last: Status | null };

const pingMs = 1_000;
/** How often it is looked while somebody watches. */
const lookMs = 1_000;
/** Nobody has to prove anything to watch, and each watch is a stream that stays. */
const mostWatches = 100;
/** The empty name is the server as a whole. */
const services = new Set<string>(['', ...Object.values(serviceNames)]);

export const openHealth = ({ database }: { database: { ping(timeoutMs: number): Promise<void> } }) => {
  const watches = new Set<Watch>();
  let draining = false;
  let timer: NodeJS.Timeout | null = null;

  const look = async (): Promise<Status> => {
    if (draining) return 'NOT_SERVING';
    const answers = await database.ping(pingMs).then(
      () => true,
      () => false,
    );
    return answers && !draining ? 'SERVING' : 'NOT_SERVING';
  };
  const tell = (watch: Watch, now: Status): void => {
    const next = watch.known ? now : 'SERVICE_UNKNOWN';
    if (watch.last === next) return;
    watch.last = next;
    watch.stream.write({ status: next });
  };
  const tellAll = async (): Promise<void> => {
    const now = await look();
    for (const watch of watches) tell(watch, now);
  };
  const forget = (watch: Watch): void => {
    watches.delete(watch);
    if (watches.size > 0 || !timer) return;
    clearInterval(timer);
    timer = null;
  };

  const check = (call: ServerUnaryCall<Request, Answer>, callback: sendUnaryData<Answer>): void => {
    const { request } = call;
    if (request === malformed) callback({ code: status.INVALID_ARGUMENT, details: 'The bytes are no message of this type.' });
    else if (!services.has(request.service)) callback({ code: status.NOT_FOUND, details: 'There is no such service.' });
    else look().then((now) => callback(null, { status: now }));
  };
  const watch = (stream: ServerWritableStream<Request, Answer>): void => {
    if (watches.size >= mostWatches || stream.request === malformed) {
      const code = stream.request === malformed ? status.INVALID_ARGUMENT : status.RESOURCE_EXHAUSTED;
      stream.emit('error', { code, details: 'This cannot be watched.' });
      return;
    }
    const one: Watch = { stream, known: services.has(stream.request.service), last: null };
    watches.add(one);
    stream.once('cancelled', () => forget(one));
    timer ??= setInterval(() => void tellAll(), lookMs).unref();
    look().then((now) => tell(one, now));
  };
  const list = (_call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<{ statuses: Record<string, Answer> }>): void => {
    look().then((now) => callback(null, { statuses: Object.fromEntries([...services].map((name) => [name, { status: now }])) }));
  };

  return {
    implementation: { Check: check, Watch: watch, List: list } as UntypedServiceImplementation,
    /** From here on NOT_SERVING, and who watches is told so. */
    drain: (): Promise<void> => {
      draining = true;
      return tellAll();
    },
    /** Ends the watches: a server closes no sooner than its last call. */
    close: (): void => {
      for (const one of watches) {
        one.stream.end();
        forget(one);
      }
    },
  };
};

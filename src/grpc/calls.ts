/** One call and its answer: who asks and from where, the status, the line in the log, the figures. */
import { randomUUID } from 'node:crypto';
import { type handleUnaryCall, type Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { Histogram, type Registry } from 'prom-client';
import { badRequest } from '../auth/access/denial.ts';
import type { Origin } from '../auth/caller.ts';
import { canonical, networkOf } from '../infra/network.ts';
import type { Log } from '../infra/ports.ts';
import { malformed } from './definition.ts';
import { statusOf, trailerOf } from './status.ts';

export type Asked<Request> = {
  readonly request: Request;
  /** Two values are joined, and so are none that anybody accepts. */
  readonly authorization: string | undefined;
  readonly origin: Origin;
};
/** Answers, or throws a `Denial` or a fault. */
export type Answering<Request, Response> = (asked: Asked<Request>) => Promise<Response>;

const longestUserAgent = 512;
const textOf = (metadata: Metadata, name: string): string | undefined => {
  const values = metadata.get(name);
  return values.length === 0 ? undefined : values.map(String).join(', ');
};

/** The connection's other end: what calls here are services, and no header is believed to say otherwise. */
const originOf = (call: ServerUnaryCall<unknown, unknown>): Origin => {
  const ip = canonical(call.getPeer().replace(/:\d+$/, '')) ?? '0.0.0.0';
  const userAgent = textOf(call.metadata, 'user-agent')?.slice(0, longestUserAgent) ?? null;
  return { ip, network: networkOf(ip), userAgent, requestId: randomUUID() };
};

export const openCalls = ({ log, registry }: { log: Log; registry: Registry }) => {
  const durations = new Histogram({
    name: 'latchkey_grpc_request_duration_seconds',
    help: 'Time from a gRPC call to its status',
    labelNames: ['method', 'code'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  let begun = 0;
  return {
    /** How many calls there have been. */
    begun: (): number => begun,
    unary:
      <Request, Response>(answer: Answering<Request, Response>): handleUnaryCall<Request | typeof malformed, Response> =>
      (call, callback) => {
        begun += 1;
        const began = performance.now();
        const origin = originOf(call);
        const method = call.getPath();
        const done = (code: status): void => {
          // Cancelled, or its deadline is over: the library has told the other end, if there is one.
          const told = call.cancelled ? 'CANCELLED' : (status[code] as string);
          const ms = performance.now() - began;
          durations.observe({ method, code: told }, ms / 1000);
          log.info({ method, code: told, ms: Math.round(ms * 10) / 10, requestId: origin.requestId }, 'call');
        };
        const work = async (): Promise<Response> => {
          if (call.request === malformed) throw badRequest('The bytes are no message of the type of this request.');
          return answer({ request: call.request as Request, authorization: textOf(call.metadata, 'authorization'), origin });
        };
        work().then(
          (response) => {
            callback(null, response, trailerOf(origin.requestId));
            done(status.OK);
          },
          (error: unknown) => {
            const failure = statusOf(error, { requestId: origin.requestId, log });
            callback(failure);
            done(failure.code);
          },
        );
      },
  };
};
export type Calls = ReturnType<typeof openCalls>;

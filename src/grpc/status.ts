/** The one place where an error becomes a status of gRPC. Faults are masked, and logged under the request's id. */
import { Metadata, status } from '@grpc/grpc-js';
import { Denial, type DenialCode } from '../auth/access/denial.ts';
import { awayOf, warnAway } from '../infra/away.ts';
import type { Log } from '../infra/ports.ts';

export type Failure = { code: status; details: string; metadata: Metadata };

const codes: Record<DenialCode, status> = {
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  FORBIDDEN: status.PERMISSION_DENIED,
  // What the caller sent proves too little of who it is.
  STEP_UP_REQUIRED: status.UNAUTHENTICATED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  BAD_REQUEST: status.INVALID_ARGUMENT,
};

/** An outcome of the domain that gRPC has a status for. */
export class NotFound extends Error {
  override readonly name = 'NotFound';
}

export const trailerOf = (requestId: string): Metadata => {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  return metadata;
};
/** When to try again: for people and programs of ours, and in the form that gRPC's own retries read (proposal A6). */
const failure = (code: status, details: string, requestId: string, retryAfterSeconds?: unknown): Failure => {
  const metadata = trailerOf(requestId);
  if (typeof retryAfterSeconds === 'number') {
    metadata.set('retry-after', String(retryAfterSeconds));
    metadata.set('grpc-retry-pushback-ms', String(retryAfterSeconds * 1000));
  }
  return { code, details, metadata };
};

/** What a caller is told of whatever was thrown. */
export const statusOf = (error: unknown, about: { requestId: string; log: Log }): Failure => {
  if (error instanceof Denial) return failure(codes[error.code], error.message, about.requestId, error.details['retryAfterSeconds']);
  if (error instanceof NotFound) return failure(status.NOT_FOUND, error.message, about.requestId);
  const away = awayOf(error);
  if (away) {
    warnAway(away, about);
    const details = 'This cannot be done right now. Try again shortly.';
    return failure(status.UNAVAILABLE, details, about.requestId, away.retryAfterSeconds);
  }
  about.log.error({ err: error, requestId: about.requestId }, 'a call failed');
  return failure(status.INTERNAL, 'Something broke on our side.', about.requestId);
};

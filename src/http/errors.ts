/** The one place where an error becomes what a client is told of it, for every transport. */
import { GraphQLError, type SourceLocation } from 'graphql';
import { Denial } from '../auth/access/denial.ts';
import { awayOf, warnAway } from '../infra/away.ts';
import type { Log } from '../infra/ports.ts';

/** An error as it stands in an answer's `errors`. */
export type Told = {
  message: string;
  locations?: readonly SourceLocation[];
  path?: readonly (string | number)[];
  extensions: { code: string; [detail: string]: unknown };
};
export type About = { requestId: string; log: Log };

/** What the client did wrong: malformed, too deep, too costly. */
export const badRequest = (message: string, locations?: readonly SourceLocation[]): Told => ({
  message,
  ...(locations && { locations }),
  extensions: { code: 'BAD_REQUEST' },
});

/**
 * A message of graphql-js without suggestions ("Did you mean …", which would tell the schema where introspection is off) and without
 * the values it quotes (which may be passwords).
 */
export const quiet = (message: string): string =>
  message
    // Scalars and enumerations may still make suggestions of their own.
    .replace(/\s*Did you mean [\s\S]*$/, '')
    .replace(/, found [\s\S]*$/, '.')
    .replace(/ cannot represent (?:an? )?([^:]*?)(?: value)?: [\s\S]*$/, ' cannot represent this $1 value.')
    .replace(/^Value [\s\S]* does not exist in "(\w+)" enum[\s\S]*$/, 'The value does not exist in "$1" enum.')
    .replace(/ has invalid value [\s\S]*$/, ' has an invalid value.')
    .replace(/^(Syntax Error: (?:Unexpected|Invalid)[^":]*?):? "[\s\S]*$/, '$1.')
    .slice(0, 300);

const originOf = (error: unknown): unknown => {
  let deepest = error;
  while (deepest instanceof GraphQLError && deepest.originalError) deepest = deepest.originalError;
  return deepest;
};

const messages = {
  unavailable: 'This cannot be done right now. Try again shortly.',
  internal: 'Something broke on our side.',
};

/** Code, message and details of whatever was thrown; only `Denial`s and errors with a code of their own keep their words. */
const judge = (error: unknown, about: About): { message: string; extensions: Told['extensions'] } => {
  const origin = originOf(error);
  if (origin instanceof Denial) return { message: origin.message, extensions: { ...origin.details, code: origin.code } };
  const missing = awayOf(origin);
  if (missing) {
    warnAway(missing, about);
    const { retryAfterSeconds } = missing;
    return { message: messages.unavailable, extensions: { code: 'UNAVAILABLE', retryAfterSeconds, requestId: about.requestId } };
  }
  if (origin instanceof GraphQLError) {
    if (typeof origin.extensions['code'] === 'string')
      return { message: origin.message, extensions: origin.extensions as Told['extensions'] };
    // graphql-js names the nodes of an argument that a request leaves out or makes null, and none where a resolver's value does not fit.
    if (origin.nodes?.length) return { message: quiet(origin.message), extensions: { code: 'BAD_REQUEST' } };
  }
  about.log.error(
    { err: origin, requestId: about.requestId, path: error instanceof GraphQLError ? error.path : undefined },
    'a request failed',
  );
  return { message: messages.internal, extensions: { code: 'INTERNAL', requestId: about.requestId } };
};

/** What a client is told of `error`; faults are masked, and logged under the request's id. */
export const tell = (error: unknown, about: About): Told => {
  const { message, extensions } = judge(error, about);
  if (!(error instanceof GraphQLError)) return { message, extensions };
  return { message, ...(error.locations && { locations: error.locations }), ...(error.path && { path: error.path }), extensions };
};

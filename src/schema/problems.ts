/** The refusals: one table makes the type, its code and its message of every one. Outcome kind = type name = audit word. */
import type { RefusalKind, Refusals } from '../auth/outcome.ts';
import { builder } from './builder.ts';

export const codeOf = (kind: RefusalKind): string =>
  kind
    .replace(/^OAuth/, 'Oauth')
    .replaceAll(/(?!^)([A-Z])/g, '_$1')
    .toUpperCase();

/** What a refusal says where its outcome brings no message of its own. */
const messages: Record<RefusalKind, string> = {
  InvalidCredentials: 'The email address or the password is wrong.',
  AccountLocked: 'Too many wrong passwords. Try again later, or reset the password.',
  AccountDeactivated: 'This account has been deactivated.',
  EmailNotVerified: 'Verify the email address first.',
  EmailTaken: 'The email address is taken.',
  UsernameTaken: 'The username is taken.',
  WeakPassword: 'The password does not meet the rules.',
  BreachedPassword: 'This password is on a list of breached ones.',
  PasswordReused: 'This password was used before.',
  TokenInvalid: 'The token is not valid.',
  CodeInvalid: 'The code is not valid.',
  SessionEnded: 'The session has ended.',
  RefreshReused: 'This refresh token was replaced long ago. The session has been ended.',
  MfaNotEnabled: 'That second factor is not enabled.',
  MfaAlreadyEnabled: 'That second factor is enabled already.',
  TooManyAttempts: 'Too many attempts. Try again later.',
  InvalidInput: 'The input is not acceptable.',
  NotFound: 'There is no such thing.',
  Conflict: 'It has been changed or taken meanwhile.',
  LastOwner: 'An organization keeps at least one owner.',
  QuotaExceeded: 'The limit has been reached.',
  OAuthFailed: 'The provider refused.',
  IdentityTaken: 'This identity belongs to another account.',
  BrokerRejected: 'The broker refused the credentials.',
  BrokerUnavailable: 'The broker cannot be reached.',
  ExportTooLarge: 'The export would be too large.',
};
const descriptions: Partial<Record<RefusalKind, string>> = {
  InvalidCredentials: 'Wrong password and unknown email: one answer, in the same time.',
  EmailTaken: 'Only where enumeration is no risk: an administrator creating a user.',
  WeakPassword: 'The rules that the password does not meet.',
  BreachedPassword: 'The password is on a list of breached ones.',
  TokenInvalid: 'A one-time token: unknown, used up, expired or meant for another purpose.',
  CodeInvalid: 'A one-time code: wrong, used up or expired.',
  SessionEnded: 'Refresh: the session was revoked or has expired.',
  RefreshReused: 'Refresh: a token rotated long ago came back; the whole session is revoked.',
  InvalidInput: 'Well-formed, but not acceptable; `field` is a path such as input.phone.',
  NotFound: 'Absent and not visible to the caller: one answer.',
};

const kinds = Object.keys(messages) as RefusalKind[];
export const ProblemCode = builder.enumType('ProblemCode', { values: kinds.map(codeOf) });

type Told = { kind: RefusalKind; message?: string };
export const messageOf = (problem: Told): string => problem.message ?? messages[problem.kind];
export const Problem = builder.interfaceRef<Told>('Problem').implement({
  description:
    'An expected refusal: a returned value, never an exception. Clients may spread `... on Problem { code message }` and stay right when a union gains a member.',
  fields: (t) => ({
    code: t.field({ type: ProblemCode, resolve: (problem) => codeOf(problem.kind) }),
    message: t.string({ resolve: messageOf }),
  }),
});

type More<K extends RefusalKind> = Omit<Refusals[K], 'message'>;
type ProblemShape<K extends RefusalKind> = { kind: K; message?: string } & More<K>;
const problem = <K extends RefusalKind>(kind: K) => builder.objectRef<ProblemShape<K>>(kind);
type ProblemRefs = { [K in RefusalKind]: ReturnType<typeof problem<K>> };
export const problems = Object.fromEntries(kinds.map((kind) => [kind, problem(kind)])) as unknown as ProblemRefs;

/** What each tells beyond code and message. */
const retry = new Set<RefusalKind>(['AccountLocked', 'TooManyAttempts', 'BrokerUnavailable']);
const limited = new Set<RefusalKind>(['QuotaExceeded', 'ExportTooLarge']);
for (const kind of kinds) {
  const description = descriptions[kind];
  const ref = problems[kind] as ProblemRefs['NotFound'];
  builder.objectType(ref, { interfaces: [Problem], ...(description && { description }) });
  if (retry.has(kind))
    builder.objectField(ref as unknown as ProblemRefs['AccountLocked'], 'retryAfterSeconds', (t) => t.exposeInt('retryAfterSeconds'));
  if (limited.has(kind)) builder.objectField(ref as unknown as ProblemRefs['QuotaExceeded'], 'limit', (t) => t.exposeInt('limit'));
}
builder.objectField(problems.WeakPassword, 'unmet', (t) => t.stringList({ resolve: (told) => [...told.unmet] }));
builder.objectField(problems.CodeInvalid, 'attemptsLeft', (t) => t.exposeInt('attemptsLeft', { nullable: true }));
builder.objectField(problems.SessionEnded, 'reason', (t) => t.exposeString('reason'));
builder.objectField(problems.InvalidInput, 'field', (t) => t.exposeString('field'));
builder.objectField(problems.OAuthFailed, 'error', (t) => t.exposeString('error'));

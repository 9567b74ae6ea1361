import { Secret } from './secret.ts';

const redacted = '[redacted]';
const deepest = 8;
const longestList = 100;

/** Names as they are compared: lower case, without `_`, `-` and spaces, so apiSecret, api_secret and API-Secret are one. */
const secretName =
  /password|passphrase|secret|privatekey|apikey|masterkey|authorization|cookie|(token|backupcode|recoverycode|verificationcode|usercode|otpcode|credential)s?$|^(codes?|otp|totp|pin|jwt|assertion|verifier|codeverifier|phc|sealed)$/;

const known = new Map<string, boolean>();
/** Field names are few, so each is judged once; bounded because names may come from outside. */
const isSecretName = (name: string): boolean => {
  let answer = known.get(name);
  if (answer === undefined) {
    answer = secretName.test(name.toLowerCase().replace(/[-_\s]/g, ''));
    if (known.size < 5_000) known.set(name, answer);
  }
  return answer;
};

/** JWTs, our own prefixed tokens, PHC strings, bearer credentials, `token=` in a link, and the password within a URL. */
const secretText =
  /eyJ[\w-]+\.[\w-]+\.[\w-]*|\blk[a-z]{0,4}_[\w.~+/=-]{8,}|\$argon2[a-z]*\$[^\s"']+|(?<=\bBearer\s)\S+|(?<=[?&#](?:token|code|secret|password)=)[^\s&"'#]+|(?<=\b[a-z][a-z+]*:\/\/[^\s:@/]*:)[^\s@/]+(?=@)/gi;
/** The text with whatever looks like a secret replaced. */
export const maskText = (text: string): string => (text.length < 8 ? text : text.replace(secretText, redacted));

/** What is told of an error beside its message: names of things, never rows or arguments (PostgreSQL's `detail`, Redis' `command`). */
const errorFields = ['code', 'errno', 'syscall', 'address', 'port', 'constraint', 'table', 'responseCode', 'retryAfterSeconds'] as const;

const describeError = (error: Error, depth: number): object => {
  const told: Record<string, unknown> = { type: error.name, message: maskText(error.message), stack: maskText(error.stack ?? '') };
  for (const field of errorFields) {
    const value = (error as unknown as Record<string, unknown>)[field];
    if (typeof value === 'number') told[field] = value;
    else if (typeof value === 'string') told[field] = maskText(value);
  }
  if (error.cause !== undefined) told['cause'] = redact(error.cause, depth + 1);
  if (error instanceof AggregateError) told['errors'] = redact(error.errors, depth + 1);
  return told;
};

/** A copy of `value` fit for a log: secrets by name, by type and by look are replaced, errors described with their causes, depth bounded. */
export const redact = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'string') return maskText(value);
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Secret) return value.toJSON();
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  // Also what ends a value that holds itself.
  if (depth >= deepest) return '[deep]';
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Set) return redact([...value], depth);
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (Array.isArray(value)) return value.slice(0, longestList).map((item) => redact(item, depth + 1));
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON(), depth + 1);
  const copy: Record<string, unknown> = {};
  for (const [name, held] of Object.entries(value)) {
    // A yes or no, or that nothing is there, is no secret and often what one looks for.
    const harmless = held === null || held === undefined || typeof held === 'boolean';
    copy[name] = !harmless && isSecretName(name) ? redacted : redact(held, depth + 1);
  }
  return copy;
};

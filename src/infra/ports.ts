/**
 * The ports of the house: what the domain may ask of the outside, and nothing about how it is done.
 * Only types stand here. Implementations are beside this file and are chosen by `openInfra` (./index.ts).
 */

/** The only source of time for `auth`. */
export type Clock = { now(): Date };

/** The only source of randomness for `auth`. */
export type Random = {
  /** `size` bytes from a CSPRNG. */
  bytes(size: number): Buffer;
  /** UUIDv7 (RFC 9562 §5.7) whose timestamp is `at`; monotonic within one process. */
  uuid(at: Date): string;
  /** `count` decimal digits, uniform, leading zeros kept. */
  digits(count: number): string;
};

/** A SQL text and the name under which PostgreSQL keeps it prepared. Make one with `statement` of postgres/database.ts. */
export type Statement = { readonly name: string; readonly text: string };

/** One connection's or one pool's way to run statements; `R` is the row's shape, columns as the SQL names them. */
export type Sql = {
  run<R = Record<string, unknown>>(statement: Statement, values?: readonly unknown[]): Promise<R[]>;
};

export type Database = Sql & {
  /** READ COMMITTED; commits what `work` returns, rolls back on a throw. No hashing, network or mail inside. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Throws `Unavailable` unless PostgreSQL answers within `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
};

/** What a sealed value is bound to (additional authenticated data): moved to another row, owner or purpose it does not open. */
export type SealContext = { purpose: string; id: string; owner?: string };

/** What a process has in its cache of data keys; `away`: the KMS did not answer lately, so that only cached keys open anything. */
export type KmsStats = { cached: number; hits: number; misses: number; away: boolean };

/** Envelope encryption: a data key per record, wrapped by a master key that the KMS alone holds. Throws `Unavailable` while the KMS is away. */
export type Kms = {
  seal(plaintext: Uint8Array, context: SealContext): Promise<Buffer>;
  /** Throws `DoesNotOpen` or `UnknownMasterKey`. */
  open(sealed: Uint8Array, context: SealContext): Promise<Buffer>;
  /** The same value under the master key that is current now; null where it is under that already. Throws as `open` does. */
  rewrap(sealed: Uint8Array, context: SealContext): Promise<Buffer | null>;
  /** The id of the master key that `sealed` names. Throws `DoesNotOpen` for what is no sealed value. */
  keyIdOf(sealed: Uint8Array): string;
  /** The bytes that every value sealed now begins with, and no value under another master key or of an older form does. */
  currentHead(): Promise<Buffer>;
  stats(): KmsStats;
  /** Forgets the cached data keys, and lets go of connections. */
  close(): void;
};

/**
 * argon2id apart from the event loop, bounded: `HASH_CONCURRENCY` at work, `HASH_QUEUE` waiting, the surplus throws `Unavailable`.
 * `share` is who asks (a network): shares take turns, and the one that has most waiting is refused first.
 */
export type Hasher = {
  /** A PHC string with the configured parameters. */
  hash(password: string, share?: string): Promise<string>;
  /** Also verifies the strings of other parameters, and of scrypt and pbkdf2. False for a wrong password or a string that is no hash. */
  verify(phc: string, password: string, share?: string): Promise<boolean>;
  /** Whether `verify` knows the form of `phc`, which may be another system's, at a cost that can be borne. */
  verifiable(phc: string): boolean;
  /** Costs what a verification at the configured parameters costs, and is false: for an account that is not there. */
  verifyNothing(password: string, share?: string): Promise<false>;
  /** Throws `Unavailable` where a hash for `share` would be refused now: for whoever can ask before doing other work. */
  admit(share: string): void;
  /** Whether `phc` was made with other parameters than the configured ones. */
  outdated(phc: string): boolean;
  stats(): { running: number; queued: number; refused: number };
  close(): Promise<void>;
};

/** At most `limit` in any `seconds` (a sliding window); null is off. */
export type Rate = { limit: number; seconds: number } | null;
export type Taken = { allowed: boolean; retryAfterSeconds: number };

export type Limiter = {
  /** Takes one of `key`'s places in the window, atomically, across processes where Redis is there. A refused attempt takes none. */
  take(key: string, rate: Rate): Promise<Taken>;
  /** Gives back the place taken last (an attempt that proved honest). */
  giveBack(key: string): Promise<void>;
};

/** Fan-out between processes; losable: whatever must not be lost is read from the log. */
export type Fanout = {
  publish(topic: string, payload: unknown): void;
  /** Resolves once subscribed, to the function that ends the subscription. */
  subscribe(topic: string, heard: (payload: unknown) => void): Promise<() => void>;
  close(): Promise<void>;
};

export type Mail = { to: string; subject: string; text: string; html: string; locale: string; messageId?: string };
/** Delivers one mail or throws; retries are the queue's. */
export type Mailer = { send(mail: Mail): Promise<void>; close(): Promise<void> };
/** The development inbox (no SMTP_URL): the last 200 mails, newest first. */
export type Inbox = { list(): readonly (Mail & { at: Date })[] };

/** `country`: ISO 3166-1 alpha-2. Degrees, where the database knows places within countries. */
export type Place = { country: string | null; latitude: number | null; longitude: number | null };
/** Where addresses are, as far as that is known. */
export type Places = { readonly known: boolean; place(ip: string): Place | null };

/** Delivers one text message (SMS) or throws; retries are the queue's. `to` is E.164. */
export type Texter = { send(text: { to: string; body: string }): Promise<void> };

/** A POST to a URL that somebody else chose. */
export type WebhookPost = { url: string; headers: Record<string, string>; body: string };
/** All that is told of a POST that was not answered: nothing of the network, and nothing of what came back. */
export type PostFailure = 'timeout' | 'refused address' | 'name not found' | 'connection refused' | 'connection failed' | 'TLS';
/** `Stopped`: called off before there was an answer. `retryAfter`: the header's text (RFC 9110 §10.2.3). */
export type Posted =
  | { kind: 'Answered'; status: number; retryAfter: string | null }
  | { kind: 'Failed'; error: PostFailure }
  | { kind: 'Stopped' };
export type WebhookSender = {
  /** Whether the URL names, by itself, an address to which nothing is sent. */
  refuses(url: string): boolean;
  /** Within ten seconds from the lookup to the end of the answer. It answers and does not throw. */
  post(given: WebhookPost, stopping: AbortSignal): Promise<Posted>;
};

/** How often a password is in known breaches (k-anonymity: only the first 5 hex digits of its SHA-1 leave), or null where the answer could not be had. */
export type Breaches = { enabled: boolean; count(password: string): Promise<number | null> };

/** What a broker is asked with. */
export type BrokerCredentials = { apiKey: string; apiSecret: string; accessToken: string | null };
/** Whose the credentials are and until when they live (null: until they are taken back); or that they are refused; or that it cannot be told. */
export type BrokerAnswer =
  | { kind: 'Known'; brokerUserId: string; accessToken: string | null; expiresAt: Date | null }
  | { kind: 'BrokerRejected' }
  | { kind: 'BrokerUnavailable'; retryAfterSeconds: number };
/** A broker. It answers and does not throw, and no log and no error of its own holds what it was asked with. */
export type Broker = {
  /** Whether it wants a token beside key and secret: a request token, which `connect` spends, or an access token. */
  readonly tokens: 'needed' | 'none';
  connect(credentials: BrokerCredentials & { requestToken: string | null }, now: Date): Promise<BrokerAnswer>;
  verify(credentials: BrokerCredentials, now: Date): Promise<BrokerAnswer>;
};
/** By the name that accounts carry. */
export type Brokers = ReadonlyMap<string, Broker>;

/** What is asked of a provider, and has to come back with its answer. */
export type OAuthRequest = { redirectUri: string; state: string; nonce: string; codeVerifier: string };
/** Who somebody is, as a provider's ID token says: `issuer` and `subject` tell, the rest is what he is called there. */
export type ProviderClaims = {
  issuer: string;
  subject: string;
  email: string | null;
  emailVerified: boolean;
  name: string | null;
  locale: string | null;
  /** When he proved it there; null where that is not said. */
  authenticatedAt: Date | null;
};
/** `error`: a code of RFC 6749 §4.1.2.1 or §5.2; `temporarily_unavailable` where the provider is away, `server_error` where its answer passes no check. */
export type ProviderAnswer = { kind: 'Proved'; claims: ProviderClaims } | { kind: 'Failed'; error: string };
/** A provider of OpenID Connect. No log and no error of its own holds a code, a token or a claim. */
export type IdentityProvider = {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  /** Where the browser goes; `reauthenticate`: he has to prove it there once more. Throws `Unavailable` while the provider is away. */
  authorizationUrl(request: OAuthRequest, options: { reauthenticate: boolean }): Promise<string>;
  /** Spends the code. `issuer`: the `iss` that came with it (RFC 9207). Answers and does not throw. */
  exchange(request: OAuthRequest, given: { code: string; issuer: string | null }): Promise<ProviderAnswer>;
};
/** By the name that identities carry. */
export type IdentityProviders = ReadonlyMap<string, IdentityProvider>;

/** Structured log; values under secret-looking keys are redacted, `Secret` values print as [secret]. */
export type Log = {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
  child(bindings: object): Log;
};

/** Thrown where a part that should be there is not, or is full. Told to clients as UNAVAILABLE with a hint when to try again. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly retryAfterSeconds: number;
  constructor(what: string, retryAfterSeconds = 1, cause?: unknown) {
    super(what, { cause });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** What an operator can mend: a sentence that says how. Told without a stack (src/main.ts). */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** A sealed value that was altered, moved to another context, or sealed under a key that was replaced behind its id. */
export class DoesNotOpen extends Error {
  override readonly name = 'DoesNotOpen';
}

/** A sealed value under a master key that is not, or no longer, known or usable. The value is whole: with the key back, it opens. */
export class UnknownMasterKey extends Error {
  override readonly name = 'UnknownMasterKey';
}

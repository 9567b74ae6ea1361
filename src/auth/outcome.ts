/** An ending of an operation that is not what the caller hoped for: a value, told to the client by the GraphQL type of the same name. */

/** The refusals of the contract and what each tells beyond its name. */
export type Refusals = {
  InvalidCredentials: object;
  AccountLocked: { retryAfterSeconds: number };
  AccountDeactivated: object;
  EmailNotVerified: object;
  EmailTaken: object;
  UsernameTaken: object;
  WeakPassword: { unmet: readonly string[] };
  BreachedPassword: object;
  PasswordReused: object;
  TokenInvalid: object;
  CodeInvalid: { attemptsLeft: number | null };
  SessionEnded: { reason: string };
  RefreshReused: object;
  MfaNotEnabled: object;
  MfaAlreadyEnabled: object;
  TooManyAttempts: { retryAfterSeconds: number };
  InvalidInput: { field: string; message: string };
  NotFound: object;
  Conflict: { message?: string };
  LastOwner: { message?: string };
  QuotaExceeded: { limit: number };
  /** `error`: a code of RFC 6749 §4.1.2.1 or §5.2. */
  OAuthFailed: { error: string; message?: string };
  IdentityTaken: { message?: string };
  BrokerRejected: object;
  BrokerUnavailable: { retryAfterSeconds: number };
  ExportTooLarge: { limit: number };
};
export type RefusalKind = keyof Refusals;

/** `Refused<'NotFound' | 'AccountLocked'>`: one of these refusals, with what it tells. */
export type Refused<K extends RefusalKind> = K extends RefusalKind ? { readonly kind: K } & Readonly<Refusals[K]> : never;

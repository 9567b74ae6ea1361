/** The one thing thrown on purpose: the caller may not, whatever the operation would have answered. The front door gives it its GraphQL or HTTP form. */
export type DenialCode = 'UNAUTHENTICATED' | 'FORBIDDEN' | 'STEP_UP_REQUIRED' | 'RATE_LIMITED' | 'BAD_REQUEST';

export class Denial extends Error {
  override readonly name = 'Denial';
  readonly code: DenialCode;
  /** Further members of a GraphQL error's `extensions`, such as `retryAfterSeconds`. */
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: DenialCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export const unauthenticated = (message = 'Sign in to do this.') => new Denial('UNAUTHENTICATED', message);
export const forbidden = (message = 'You may not do this.') => new Denial('FORBIDDEN', message);
export const rateLimited = (retryAfterSeconds: number) =>
  new Denial('RATE_LIMITED', `Too many requests. Try again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
/** `methods`: what opens the door, strongest first; none: sign in again. */
export const stepUpRequired = (methods: readonly string[], message = 'Prove again who you are to do this.') =>
  new Denial('STEP_UP_REQUIRED', message, { methods: [...methods] });
export const badRequest = (message: string) => new Denial('BAD_REQUEST', message);

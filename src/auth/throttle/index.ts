/** The door of the throttle room: what counts attempts. Sliding windows are the Limiter port's; locks after wrong passwords are rows. */
export { inEvenTime } from './even.ts';
export { clearAttempts, type LockoutKeys, type Lockouts, lockoutKeys, openLockouts, reserveAttempt } from './lockouts.ts';

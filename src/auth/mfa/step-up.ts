/** Step-up: raises when, and by what, the session's user was authenticated, so that sensitive doors open for five minutes; and the doors' own question. */
import type { Clock, Database, Hasher, Limiter, Rate } from '../../infra/ports.ts';
import { forbidden, stepUpRequired, unauthenticated } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller, Identity, SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { verifyOwnPassword } from '../passwords/verify-own.ts';
import type { Grants } from '../sessions/grant.ts';
import { findSession, raiseSession } from '../sessions/store.ts';
import type { Attempts } from './attempts.ts';
import { failChallenge, findStepUp, lockChallenge, useChallenge } from './challenges.ts';
import type { Factors } from './factors.ts';
import { type MfaAnswer, type MfaType, stepUpSeconds, type UsableConfig, usableTypes, withFactor } from './model.ts';
import { findOwner, type Owner } from './store.ts';

export type StepUpNeeds = {
  database: Database;
  clock: Clock;
  hasher: Hasher;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  factors: Factors;
  attempts: Attempts;
  grants: Grants;
  config: UsableConfig & { RATE_LIMIT_LOGIN: Rate };
};
export type StepUpInput = { password?: string | null; type?: MfaType | null; code?: string | null; webauthn?: unknown };
export type SteppedUp = {
  readonly kind: 'SteppedUp';
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly sessionId: string;
};
export type StepUpOutcome = SteppedUp | Refused<'InvalidCredentials' | 'CodeInvalid' | 'MfaNotEnabled' | 'TooManyAttempts'>;

/** What opens the door to this user in a session of `amr`: the factors, strongest first, else the password. */
const methodsFor = (owner: Owner, config: UsableConfig, amr: readonly string[] | undefined): readonly string[] => {
  const types = usableTypes(owner, config, amr);
  return types.length > 0 ? types : owner.hasPassword ? ['PASSWORD'] : [];
};

/** Throws the denial FORBIDDEN for an API key: its owner is not there to prove anything. */
export const requireInPerson = (identity: Identity): void => {
  if (identity.apiKeyId) throw forbidden('Not with an API key: sign in to do this.');
};

/** `always`: for everybody. `withFactor`: only of a user who has a second factor. */
export type StepUpWhen = 'always' | 'withFactor';

/** Throws the denial STEP_UP_REQUIRED unless the session's authentication is fresh enough, with a second factor where the user has one. */
export const requireStepUp =
  ({ database, clock, config }: Pick<StepUpNeeds, 'database' | 'clock' | 'config'>) =>
  async ({ identity }: Caller, when: StepUpWhen): Promise<void> => {
    // A program is nobody who could prove anything: its permission opens the door.
    if (!identity) return;
    requireInPerson(identity);
    // The administrator's proof of who they are proves nothing of the user.
    if (identity.impersonatorId) throw forbidden('Not while acting as somebody else.');
    const isFresh = (at: Date): boolean => clock.now().getTime() - at.getTime() <= stepUpSeconds * 1000;
    if (isFresh(identity.authenticatedAt) && identity.amr.includes('mfa')) return;
    // The session may have been raised since the token was made.
    const [owner, session] = await Promise.all([findOwner(database, identity.userId), findSession(database, identity.sessionId)]);
    // A factor that does not count beside a mailed link is still one: the password has to be proved before it.
    const hasFactor = owner !== undefined && usableTypes(owner, config).length > 0;
    if (owner && !hasFactor && when === 'withFactor') return;
    if (owner && session && isFresh(session.authenticated_at) && (!hasFactor || session.amr.includes('mfa'))) return;
    throw stepUpRequired(owner ? methodsFor(owner, config, session?.amr) : []);
  };

export const stepUp = (needs: StepUpNeeds) => {
  const { database, clock, trail, factors, attempts, grants, config } = needs;
  const verifyPassword = verifyOwnPassword(needs);

  const raised = async (caller: SignedInCaller, amr: readonly string[]): Promise<SteppedUp> => {
    const session = await findSession(database, caller.identity.sessionId);
    if (!session) throw new Error('a session was raised that is not there');
    const { accessToken, expiresIn } = await grants.accessToken({ ...session, amr: [...amr] });
    return { kind: 'SteppedUp', accessToken, expiresIn, sessionId: session.session_id };
  };
  const fact = (caller: SignedInCaller, method: MfaType | 'PASSWORD') => trail.fact(caller, { type: 'user.stepped_up', data: { method } });

  const byPassword = async (caller: SignedInCaller, before: readonly string[], password: string): Promise<StepUpOutcome> => {
    const verdict = await verifyPassword(caller, password);
    if (verdict.kind === 'TooManyAttempts') return verdict;
    if (verdict.kind === 'wrong') {
      const failed = { type: 'user.step_up_failed', outcome: 'FAILURE', data: { reason: 'InvalidCredentials' } } as const;
      await trail.write(database, [trail.fact(caller, failed)]);
      trail.committed();
      return { kind: 'InvalidCredentials' };
    }
    const amr = [...new Set([...before, 'pwd'])];
    const lives = await database.transaction(async (sql) => {
      if (!(await raiseSession(sql, caller.identity.sessionId, clock.now(), amr))) return false;
      await trail.write(sql, [fact(caller, 'PASSWORD')]);
      return true;
    });
    if (!lives) throw unauthenticated('The session has ended.');
    trail.committed();
    return raised(caller, amr);
  };

  const byFactor = async (caller: SignedInCaller, before: readonly string[], owner: Owner, answer: MfaAnswer): Promise<StepUpOutcome> => {
    const { userId, sessionId } = caller.identity;
    const attempt = await attempts.reserve(caller, userId, { device: null, type: answer.type, purpose: 'step_up' });
    if (!('key' in attempt)) return { kind: 'TooManyAttempts', retryAfterSeconds: attempt.lockedSeconds ?? 1 };
    const challenge = await findStepUp(database, sessionId, clock.now());
    const amr = withFactor(before, answer.type);
    let done = false;
    try {
      const claim = await factors.judge(caller, owner, challenge ?? { id: sessionId, challenge: null }, answer);
      done =
        claim !== null &&
        (await database.transaction(async (sql) => {
          if (!(await lockActive(sql, userId))) return false;
          if (challenge && !(await lockChallenge(sql, challenge.id, clock.now()))) return false;
          if (!(await claim.take(sql))) return false;
          if (challenge) await useChallenge(sql, challenge.id, clock.now());
          // Undone with what was taken: a right answer to an ended session costs nothing.
          if (!(await raiseSession(sql, sessionId, clock.now(), amr))) throw unauthenticated('The session has ended.');
          await attempts.clear(sql, attempt);
          await trail.write(sql, [fact(caller, answer.type)]);
          return true;
        }));
    } catch (fault) {
      await attempts.release(attempt).catch(() => {});
      throw fault;
    }
    if (done) {
      await attempts.settle(attempt);
      trail.committed();
      return raised(caller, amr);
    }
    const alarm = await attempts.prepareAlarm(caller, owner);
    const left = await database.transaction(async (sql) => {
      await lockActive(sql, userId);
      const attemptsLeft = challenge ? await failChallenge(sql, challenge.id) : null;
      await attempts.fail(sql, caller, attempt, { userId, sessionId, type: answer.type, purpose: 'step_up', alarm });
      return attemptsLeft;
    });
    trail.committed();
    return { kind: 'CodeInvalid', attemptsLeft: left };
  };

  return async (caller: SignedInCaller, input: StepUpInput): Promise<StepUpOutcome> => {
    const { userId, sessionId } = caller.identity;
    // The session tells what was proved before; the token may be older than its last step-up.
    const [owner, session] = await Promise.all([findOwner(database, userId), findSession(database, sessionId)]);
    if (!owner || !session) return { kind: 'MfaNotEnabled' };
    const types = usableTypes(owner, config, session.amr);
    if (input.type) {
      if (!types.includes(input.type)) return { kind: 'MfaNotEnabled' };
      return byFactor(caller, session.amr, owner, { ...input, type: input.type });
    }
    // With a second factor the password alone opens nothing.
    if (types.length > 0) throw stepUpRequired(types);
    return byPassword(caller, session.amr, input.password ?? '');
  };
};

/** The decision as its callers have it in the process: over a real database, whose rows are compiled once for each user. */
import { plainLog } from '../../scripts/scratch.ts';
import { checkPermission } from '../../src/auth/access/check.ts';
import { decide } from '../../src/auth/access/model.ts';
import { openPermissions } from '../../src/auth/access/permissions.ts';
import type { Caller } from '../../src/auth/caller.ts';
import { openDatabase } from '../../src/infra/postgres/database.ts';
import type { Question } from '../rivals/access-rules.ts';

export const openAccess = (url: string) => {
  const clock = { now: () => new Date() };
  const database = openDatabase({ url, size: 2, log: plainLog });
  const permissions = openPermissions({ database, clock });
  // As the back door does that reads the log (src/events/tail.ts).
  setInterval(() => permissions.caughtUp(clock.now()), 250).unref();
  const check = checkPermission({ database, clock, permissions });
  // A program that may ask about anybody.
  const caller = { identity: null, client: { id: 'bench' }, permissions: new Set(['permissions.check']) } as unknown as Caller;
  const checked = (question: Question): boolean | Promise<boolean> => {
    const decision = check(caller, question);
    return decision instanceof Promise ? decision.then(({ allowed }) => allowed) : decision.allowed;
  };
  const decided = (question: Question): boolean | Promise<boolean> => {
    const compiled = permissions.compiled(question.userId);
    return compiled instanceof Promise
      ? compiled.then((known) => decide(known, question, clock.now()) !== null)
      : decide(compiled, question, clock.now()) !== null;
  };
  return {
    /** All of `checkPermission`: the caller, the form of the question, the decision and its reason. */
    check: checked,
    /** The decision alone. */
    decided,
    /** The first decision about a user: read and compiled. */
    cold: (question: Question): boolean | Promise<boolean> => {
      permissions.forget(question.userId);
      return decided(question);
    },
  };
};

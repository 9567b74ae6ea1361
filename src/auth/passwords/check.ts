/** Whether a password may be taken: the policy, then the breach list. */
import type { Breaches } from '../../infra/ports.ts';
import type { Refused } from '../outcome.ts';
import { type PasswordContext, type PolicyConfig, unmetRules } from './model.ts';

export type PasswordCheckNeeds = { breaches: Breaches; config: PolicyConfig };

/** The policy alone: no I/O, the same for anyone. `password` is normalised. */
export const checkPolicy = (config: PolicyConfig, password: string, context: PasswordContext): Refused<'WeakPassword'> | null => {
  const unmet = unmetRules(password, context, config);
  return unmet.length > 0 ? { kind: 'WeakPassword', unmet } : null;
};

/** `unchecked`: the breach list is configured but gave no answer, and the password is taken all the same; the operation records it. */
export type BreachVerdict = { refused: Refused<'BreachedPassword'> | null; unchecked: boolean };

/** The breach list, fail-open. Asks the network: never inside a transaction. */
export const checkBreaches = async (breaches: Breaches, password: string): Promise<BreachVerdict> => {
  if (!breaches.enabled) return { refused: null, unchecked: false };
  const count = await breaches.count(password);
  return { refused: count ? { kind: 'BreachedPassword' } : null, unchecked: count === null };
};

/** Both, cheapest first. */
export const checkPassword =
  ({ breaches, config }: PasswordCheckNeeds) =>
  async (
    password: string,
    context: PasswordContext,
  ): Promise<{ refused: Refused<'WeakPassword' | 'BreachedPassword'> | null; unchecked: boolean }> => {
    const refused = checkPolicy(config, password, context);
    return refused ? { refused, unchecked: false } : checkBreaches(breaches, password);
  };

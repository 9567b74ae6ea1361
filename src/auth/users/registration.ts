/** A registration on its way: what its token carries until somebody proves the address, and the letter that takes it there. */
import type { Letter } from '../letters/model.ts';
import type { IssuedToken, OneTimeTokens } from '../tokens/one-time.ts';
import { mailedLink } from './mail.ts';

/**
 * Everything a registration chose. It waits in its own token, not in the account: whoever proves the address gets the password of the
 * registration whose mail that was, and nothing that a stranger planted with an earlier one survives.
 */
export type Registration = {
  email: string;
  passwordHash?: string;
  username?: string | null;
  usernameKey?: string | null;
  name?: string | null;
  timezone?: string | null;
  locale?: string | null;
};
export type VerifyLinkConfig = { LINK_VERIFY_EMAIL?: string | undefined; publicUrl: string };

const validHours = 24;

/** A verification token with its code, and the letter that carries both. */
export const issueVerification = (
  oneTime: OneTimeTokens,
  config: VerifyLinkConfig,
  to: { userId: string; email: string; locale: string | null },
  registration: Registration,
): { token: IssuedToken; letter: Letter } => {
  const token = oneTime.issue({
    purpose: 'verify_email',
    userId: to.userId,
    seconds: validHours * 3600,
    withCode: true,
    data: registration,
  });
  const link = mailedLink(config.LINK_VERIFY_EMAIL ?? `${config.publicUrl}/verify-email`, token.token);
  const data = { link, code: token.code as string, validHours };
  return { token, letter: { name: 'verify-email', to: to.email, locale: to.locale, data } };
};

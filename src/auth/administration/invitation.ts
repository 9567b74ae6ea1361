/** The link by which a person whose account somebody else made, or moved to another address, sets a password and thereby proves the address. */
import type { Letter } from '../letters/model.ts';
import { resetPage } from '../passwords/request-reset.ts';
import type { IssuedToken, OneTimeTokens } from '../tokens/one-time.ts';
import { mailedLink } from '../users/mail.ts';
import { invitationHours } from './model.ts';

export type InvitationConfig = { LINK_RESET_PASSWORD?: string | undefined; publicUrl: string };

/** A reset token that lives longer: what it does is the same, by the same page. */
export const issueInvitation = (
  oneTime: OneTimeTokens,
  config: InvitationConfig,
  to: { userId: string; email: string; locale: string | null },
  name: 'account-invitation' | 'email-assigned',
): { token: IssuedToken; letter: Letter } => {
  const token = oneTime.issue({ purpose: 'reset_password', userId: to.userId, seconds: invitationHours * 3600 });
  const data = { link: mailedLink(resetPage(config), token.token), validHours: invitationHours };
  return { token, letter: { name, to: to.email, locale: to.locale, data } };
};

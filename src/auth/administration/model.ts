/** The pure rules of administration. */
import { badRequest } from '../access/denial.ts';

/** What an administrator gives to act on a user. */
export type AdminUserInput = { userId: string; reason?: string | null };

/** How long an administrator's invitation waits for its addressee: over a weekend. */
export const invitationHours = 72;
export const impersonationSeconds = 1800;

const longestReason = 500;
const unprintable = /[\p{Cs}\0]/u;
/** The reason as facts keep it, or nothing; throws the denial BAD_REQUEST where it is out of form. */
export const reasonOf = ({ reason }: { reason?: string | null }): { reason?: string } => {
  const text = reason?.trim() ?? '';
  if (text.length > longestReason || unprintable.test(text)) throw badRequest(`input.reason has at most ${longestReason} characters.`);
  return text === '' ? {} : { reason: text };
};

/** The door of the login room: every way of signing in. */
import { openComplete } from './complete.ts';
import { type DisownNeeds, disownSession } from './disown.ts';
import { type LoginNeeds, login } from './login.ts';
import { loginWithMagicLink, type MagicLinkNeeds, requestMagicLink } from './magic-link.ts';
import { loginWithPasskey, type PasskeyNeeds, passkeyOptions } from './passkey.ts';

export type { SignedIn } from './model.ts';

type Shared = 'complete' | 'mailReset';
export type LoginRoomNeeds = Omit<LoginNeeds & MagicLinkNeeds & PasskeyNeeds & DisownNeeds, Shared> &
  Parameters<typeof openComplete>[0] & { mailReset: DisownNeeds['mailReset'] };
export type Logins = ReturnType<typeof openLogin>;

export const openLogin = (needs: LoginRoomNeeds) => {
  const all = { ...needs, complete: openComplete(needs) };
  return {
    withPassword: login(all),
    requestMagicLink: requestMagicLink(all),
    withMagicLink: loginWithMagicLink(all),
    passkeyOptions: passkeyOptions(all),
    withPasskey: loginWithPasskey(all),
    disown: disownSession(all),
  };
};

/** The door of the login room: every way of signing in. */
import { type DisownNeeds, disownSession } from './disown.ts';
import { type LoginNeeds, login } from './login.ts';
import { loginWithMagicLink, type MagicLinkNeeds, requestMagicLink } from './magic-link.ts';
import { loginWithPasskey, type PasskeyNeeds, passkeyOptions } from './passkey.ts';

export type { SignedIn } from './model.ts';

export type LoginRoomNeeds = LoginNeeds & MagicLinkNeeds & PasskeyNeeds & DisownNeeds;
export type Logins = ReturnType<typeof openLogin>;

export const openLogin = (needs: LoginRoomNeeds) => ({
  withPassword: login(needs),
  requestMagicLink: requestMagicLink(needs),
  withMagicLink: loginWithMagicLink(needs),
  passkeyOptions: passkeyOptions(needs),
  withPasskey: loginWithPasskey(needs),
  disown: disownSession(needs),
});

/** The door of the login room. */
import { type LoginNeeds, login } from './login.ts';
import { openSignIn, type SignInNeeds } from './sign-in.ts';

export type { SignedIn } from './model.ts';

export const openLogin = (needs: SignInNeeds & Omit<LoginNeeds, 'signIn'>) => ({
  withPassword: login({ ...needs, signIn: openSignIn(needs) }),
});

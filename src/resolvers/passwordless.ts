/** The verbs of signing in without a password, and of disowning a sign-in. */
import { builder } from '../schema/builder.ts';
import { LoginResult } from '../schema/login/login.ts';
import {
  DisownSessionInput,
  DisownSessionResult,
  MagicLinkLoginInput,
  PasskeyLoginInput,
  PasskeyOptions,
  PasskeyOptionsInput,
} from '../schema/login/passwordless.ts';
import { EmailInput } from '../schema/users/inputs.ts';
import { MailResult } from '../schema/users/results.ts';
import { deliver, mayDeliver } from './deliver.ts';

builder.mutationField('passkeyOptions', (t) =>
  t.field({
    type: PasskeyOptions,
    door: 'anyone',
    args: { input: t.arg({ type: PasskeyOptionsInput }) },
    resolve: (_root, _args, { auth, caller }) => auth.login.passkeyOptions(caller),
  }),
);

builder.mutationField('loginWithPasskey', (t) =>
  t.field({
    type: LoginResult,
    door: 'anyone',
    args: { input: t.arg({ type: PasskeyLoginInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller, reply }) => {
      mayDeliver(caller, input.delivery);
      return deliver(reply, input.delivery, await auth.login.withPasskey(caller, input)) as never;
    },
  }),
);

builder.mutationField('requestMagicLink', (t) =>
  t.field({
    type: MailResult,
    door: 'anyone',
    args: { input: t.arg({ type: EmailInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.login.requestMagicLink(caller, input),
  }),
);

builder.mutationField('loginWithMagicLink', (t) =>
  t.field({
    type: LoginResult,
    door: 'anyone',
    args: { input: t.arg({ type: MagicLinkLoginInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller, reply }) => {
      mayDeliver(caller, input.delivery);
      return deliver(reply, input.delivery, await auth.login.withMagicLink(caller, input)) as never;
    },
  }),
);

builder.mutationField('disownSession', (t) =>
  t.field({
    type: DisownSessionResult,
    door: { open: 'anyone', note: "With the token of a new sign-in's letter: ends that session and starts a password reset." },
    args: { input: t.arg({ type: DisownSessionInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.login.disown(caller, input),
  }),
);

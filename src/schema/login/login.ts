/** The nouns of signing in. */
import type { Auth } from '../../auth/index.ts';
import type { SignedIn as SignedInOutcome } from '../../auth/login/model.ts';
import { builder } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { MfaType } from '../service/service-info.ts';

export const DeviceInput = builder.inputType('DeviceInput', {
  description:
    'What the client knows of its device. A fingerprint that stays the same makes the device known: a lock elsewhere does not lock it.',
  fields: (t) => ({
    fingerprint: t.string(),
    name: t.string(),
    token: t.string({ description: 'The `deviceToken` of a device that was trusted; a cookie carries it by itself.' }),
  }),
});
export const TokenDelivery = builder.enumType('TokenDelivery', { values: ['BODY', 'COOKIE'] as const });
export const LoginInput = builder.inputType('LoginInput', {
  fields: (t) => ({
    email: t.field({ type: 'EmailAddress', required: true }),
    password: t.string({ required: true }),
    persistent: t.boolean({
      defaultValue: false,
      description: 'A persistent session lives 90 days, an ordinary one 7; both end after 14 days unused.',
    }),
    device: t.field({ type: DeviceInput }),
    delivery: t.field({
      type: TokenDelivery,
      defaultValue: 'BODY',
      description:
        'COOKIE: the refresh token goes only into an HttpOnly, Secure, SameSite=Strict cookie, and `refreshToken` is null. Asks for the header x-latchkey-csrf.',
    }),
    orgId: t.id({ description: "Which organization the access token speaks for; the user's default one where left out." }),
  }),
});

/** As delivered: the refresh token is null where a cookie carries it. */
export type Delivered = Omit<SignedInOutcome, 'refreshToken' | 'deviceToken'> & {
  readonly refreshToken: string | null;
  readonly deviceToken?: string | null | undefined;
};
export const SignedIn = builder.objectRef<Delivered>('SignedIn').implement({
  description: 'A sign-in that is complete.',
  fields: (t) => ({
    accessToken: t.exposeString('accessToken'),
    tokenType: t.string({ resolve: () => 'Bearer' }),
    expiresIn: t.exposeInt('expiresIn'),
    refreshToken: t.exposeString('refreshToken', { nullable: true }),
    deviceToken: t.string({
      nullable: true,
      description:
        'Of a device that is trusted from now on: give it as `device.token` at the next sign-in. Null where a cookie carries it.',
      resolve: ({ deviceToken }) => deviceToken ?? null,
    }),
  }),
});

type Outcome = OutcomeOf<Auth['login']['withPassword' | 'withMagicLink' | 'withPasskey']> | OutcomeOf<Auth['identities']['complete']>;
type Due = Extract<Outcome, { kind: 'MfaRequired' }>;
export const MfaRequired = builder.objectRef<Due>('MfaRequired').implement({
  description: 'The password was right, and a second factor is due: answer with `verifyMfa`.',
  fields: (t) => ({
    challengeToken: t.exposeString('challengeToken'),
    methods: t.field({ type: [MfaType], description: 'Those that count, strongest first.', resolve: (due) => [...due.methods] }),
    expiresIn: t.exposeInt('expiresIn'),
  }),
});

const { InvalidCredentials, AccountLocked, AccountDeactivated, EmailNotVerified, TokenInvalid, CodeInvalid } = problems;
const { OAuthFailed, IdentityTaken, NotFound, TooManyAttempts } = problems;
export const LoginResult = resultUnion<Outcome>('LoginResult', {
  SignedIn,
  MfaRequired,
  InvalidCredentials,
  AccountLocked,
  AccountDeactivated,
  EmailNotVerified,
  TokenInvalid,
  CodeInvalid,
  OAuthFailed,
  IdentityTaken,
  NotFound,
  TooManyAttempts,
});

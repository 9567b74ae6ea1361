/** What callers give the room of second factors, and how its operations end. */
import type { Mfa } from '../../auth/mfa/index.ts';
import type { SteppedUp as Raised } from '../../auth/mfa/step-up.ts';
import { builder } from '../builder.ts';
import { SignedIn } from '../login/login.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { MfaType } from '../service/service-info.ts';
import { User } from '../users/user.ts';
import { MfaMethod, MfaSetup } from './methods.ts';

export const SetupMfaInput = builder.inputType('SetupMfaInput', {
  fields: (t) => ({ type: t.field({ type: MfaType, required: true }), label: t.string(), phone: t.string() }),
});
export const ConfirmMfaInput = builder.inputType('ConfirmMfaInput', {
  fields: (t) => ({ methodId: t.id({ required: true }), code: t.string(), webauthn: t.field({ type: 'JSON' }) }),
});
export const ChallengeMfaInput = builder.inputType('ChallengeMfaInput', {
  description:
    'Sends the code (EMAIL, SMS) or returns the options (WEBAUTHN). For a login: with its challengeToken. For a step-up: without.',
  fields: (t) => ({ challengeToken: t.string(), type: t.field({ type: MfaType, required: true }) }),
});
export const VerifyMfaInput = builder.inputType('VerifyMfaInput', {
  fields: (t) => ({
    challengeToken: t.string({ required: true }),
    type: t.field({ type: MfaType, required: true }),
    code: t.string(),
    webauthn: t.field({ type: 'JSON' }),
    trustDevice: t.boolean({
      defaultValue: false,
      description:
        'The second factor is not asked for on this device for 30 days: it keeps `deviceToken`, or a cookie where the login asked for one.',
    }),
  }),
});
export const StepUpInput = builder.inputType('StepUpInput', {
  description: "Raises the session's authentication time and amr, so that sensitive operations pass for the next 5 minutes.",
  fields: (t) => ({ password: t.string(), type: t.field({ type: MfaType }), code: t.string(), webauthn: t.field({ type: 'JSON' }) }),
});
export const DisableMfaInput = builder.inputType('DisableMfaInput', {
  fields: (t) => ({ methodId: t.id({ required: true }), currentPassword: t.string() }),
});
export const MfaPolicyInput = builder.inputType('MfaPolicyInput', {
  description: 'Whether WEBAUTHN (and backup codes) alone count as the second factor: a code can be phished, a passkey cannot.',
  fields: (t) => ({ phishingResistantOnly: t.boolean({ required: true }) }),
});
export const TrustedDeviceInput = builder.inputType('TrustedDeviceInput', { fields: (t) => ({ deviceId: t.id({ required: true }) }) });

type Enabled = Extract<OutcomeOf<Mfa['confirm']>, { kind: 'MfaEnabled' }>;
export const MfaEnabled = builder.objectRef<Enabled>('MfaEnabled').implement({
  fields: (t) => ({
    method: t.expose('method', { type: MfaMethod }),
    backupCodes: t.stringList({
      description: 'Shown once; empty where the user has codes already.',
      resolve: (enabled) => [...enabled.backupCodes],
    }),
  }),
});
type Asked = Extract<OutcomeOf<Mfa['challenge']>, { kind: 'MfaChallenge' }>;
export const MfaChallenge = builder.objectRef<Asked>('MfaChallenge').implement({
  fields: (t) => ({
    type: t.expose('type', { type: MfaType }),
    sentTo: t.exposeString('sentTo', { nullable: true, description: 'Masked.' }),
    webauthnOptions: t.field({ type: 'JSON', nullable: true, resolve: (challenge) => challenge.webauthnOptions }),
    expiresIn: t.exposeInt('expiresIn'),
  }),
});
export const SteppedUp = builder.objectRef<Raised>('SteppedUp').implement({
  fields: (t) => ({ accessToken: t.exposeString('accessToken'), expiresIn: t.exposeInt('expiresIn') }),
});
export const BackupCodes = builder.objectRef<{ kind: 'BackupCodes'; codes: readonly string[] }>('BackupCodes').implement({
  fields: (t) => ({ codes: t.stringList({ resolve: (renewed) => [...renewed.codes] }) }),
});

const { MfaAlreadyEnabled, InvalidInput, QuotaExceeded, TooManyAttempts, CodeInvalid, NotFound, TokenInvalid } = problems;
const { MfaNotEnabled, AccountLocked, InvalidCredentials, Conflict } = problems;

export const SetupMfaResult = resultUnion<OutcomeOf<Mfa['setup']>>('SetupMfaResult', {
  MfaSetup,
  MfaAlreadyEnabled,
  InvalidInput,
  QuotaExceeded,
  TooManyAttempts,
});
export const ConfirmMfaResult = resultUnion<OutcomeOf<Mfa['confirm']>>('ConfirmMfaResult', {
  MfaEnabled,
  CodeInvalid,
  NotFound,
  TooManyAttempts,
});
export const ChallengeMfaResult = resultUnion<OutcomeOf<Mfa['challenge']>>('ChallengeMfaResult', {
  MfaChallenge,
  TokenInvalid,
  MfaNotEnabled,
  TooManyAttempts,
});
export const VerifyMfaResult = resultUnion<OutcomeOf<Mfa['verify']>>('VerifyMfaResult', {
  SignedIn,
  CodeInvalid,
  TokenInvalid,
  AccountLocked,
  TooManyAttempts,
});
export const StepUpResult = resultUnion<OutcomeOf<Mfa['stepUp']>>('StepUpResult', {
  SteppedUp,
  InvalidCredentials,
  CodeInvalid,
  MfaNotEnabled,
  TooManyAttempts,
});
export const DisableMfaResult = resultUnion<OutcomeOf<Mfa['disable']>>('DisableMfaResult', {
  User,
  InvalidCredentials,
  NotFound,
  Conflict,
});
export const BackupCodesResult = resultUnion<OutcomeOf<Mfa['regenerateBackupCodes']>>('BackupCodesResult', { BackupCodes, MfaNotEnabled });
export const MfaPolicyResult = resultUnion<OutcomeOf<Mfa['setPolicy']>>('MfaPolicyResult', { User, MfaNotEnabled, NotFound });

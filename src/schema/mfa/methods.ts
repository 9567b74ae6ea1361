/** The nouns of second factors: methods, their setup, trusted devices. */
import type { MfaMethod as Method } from '../../auth/mfa/model.ts';
import type { SetupMfaOutcome } from '../../auth/mfa/setup.ts';
import type { TrustedDevice as Trusted } from '../../auth/mfa/trusted-devices.ts';
import { builder, Node } from '../builder.ts';
import { qrCodeOf } from '../qr-code.ts';
import { MfaType } from '../service/service-info.ts';

export const MfaMethod = builder.objectRef<Method>('MfaMethod').implement({
  description: 'A second factor of a user.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    type: t.expose('type', { type: MfaType }),
    label: t.exposeString('label', { nullable: true }),
    confirmed: t.exposeBoolean('confirmed'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

type Setup = Extract<SetupMfaOutcome, { kind: 'MfaSetup' }>;
export const MfaSetup = builder.objectRef<Setup>('MfaSetup').implement({
  description: "What the client needs to finish: `confirmMfa` takes the method's id and the code (or the WebAuthn answer).",
  fields: (t) => ({
    method: t.expose('method', { type: MfaMethod }),
    secret: t.exposeString('secret', { nullable: true, description: 'TOTP only.' }),
    otpauthUri: t.exposeString('otpauthUri', { nullable: true, description: 'TOTP only.' }),
    qrCode: t.field({
      type: 'URL',
      nullable: true,
      description: 'TOTP only: the URI as an SVG picture, a data: URL.',
      resolve: (setup) => setup.otpauthUri && qrCodeOf(setup.otpauthUri),
    }),
    webauthnOptions: t.field({
      type: 'JSON',
      nullable: true,
      description: 'WEBAUTHN only: PublicKeyCredentialCreationOptionsJSON.',
      resolve: (setup) => setup.webauthnOptions,
    }),
  }),
});

export const TrustedDevice = builder.objectRef<Trusted>('TrustedDevice').implement({
  description:
    'A device on which the second factor is not asked for until `expiresAt`. It is forgotten with the session that trusted it, when that is revoked.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name', { nullable: true }),
    browser: t.exposeString('browser', { nullable: true }),
    os: t.exposeString('os', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

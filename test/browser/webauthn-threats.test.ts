/** What somebody tries with security keys that are not theirs, answers that were given before, pages that are not the site's, and weaker factors. */
import { randomBytes } from 'node:crypto';
import { SettingsService } from '@simplewebauthn/server';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authenticator, addAuthenticator, browserAvailable, openBrowser, openPage } from '../kit/browser.ts';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import { ask, challengeMutation, confirmMutation, mfaLoginMutation, setupMutation, totp, verifyMutation, withTotp } from '../kit/mfa.ts';
import { openWorld, password, type SignedInPerson, type World } from '../kit/world.ts';
import { type Answer, createIn, dueFor, getIn, openSite, passkeyMutation, passkeyOptionsOf, registerIn, type Site } from './site.ts';

type There = { page: Page; authenticator: Authenticator; person: SignedInPerson; methodId: string; credentialId: string };
let [site, browser, world, watch] = [] as unknown as [Site, Browser, World & { databaseUrl: string; keyFile: string }, Watch];
beforeAll(async () => {
  if (!browserAvailable) return;
  site = await openSite();
  browser = await openBrowser();
  world = await openWorld({ WEBAUTHN_RP_ID: 'localhost', WEBAUTHN_ORIGINS: site.origin });
  watch = await watchChanges(world);
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
  await site?.close();
});

const visit = async (origin = site.origin) => {
  const page = await openPage(browser);
  const authenticator = await addAuthenticator(page);
  await page.goto(origin);
  return { page, authenticator };
};
const somebody = async (person?: SignedInPerson): Promise<There> => {
  const [there, who] = [await visit(), person ?? (await world.signedIn())];
  return { ...there, person: who, ...(await registerIn(there.page, who.client)) };
};
const verify = (challengeToken: string, webauthn: unknown) =>
  ask(world.anonymous, verifyMutation, { challengeToken, type: 'WEBAUTHN', webauthn });
const due = ({ person }: There) => dueFor(world, person.email, password);
const confirm = ({ client }: SignedInPerson, methodId: string, webauthn: unknown) => ask(client, confirmMutation, { methodId, webauthn });
const begin = async ({ client }: SignedInPerson) => {
  const setup = await ask(client, setupMutation, { type: 'WEBAUTHN' });
  return { methodId: (setup['method']! as { id: string }).id, options: setup['webauthnOptions']! as object };
};
const counterOf = async ({ methodId }: There) =>
  Number((await world.sql<{ counter: string }>('SELECT counter FROM mfa_methods WHERE id = $1', [methodId]))[0]!.counter);
const wrong = { ...nothing, facts: ['mfa.failed CodeInvalid'] };
const wrongSetup = { ...nothing, facts: ['mfa.setup_failed CodeInvalid'] };

describe.skipIf(!browserAvailable)('an answer that was given before', () => {
  it('is refused for the same challenge and for another one, and nothing else happens', async () => {
    const ada = await somebody();
    const first = await due(ada);
    const answer = await getIn(ada.page, first.options);
    expect((await verify(first.challengeToken, answer)).__typename).toBe('SignedIn');
    const again = await watch(() => verify(first.challengeToken, answer));
    expect(again.answer.__typename).toBe('TokenInvalid');
    expect(again.changed).toEqual(nothing);
    const second = await due(ada);
    const against = await watch(() => verify(second.challengeToken, answer));
    expect(against.answer).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft: 4 });
    expect(against.changed).toEqual(wrong);
  });

  it('is worth nothing once the challenge has been asked for anew', async () => {
    const ada = await somebody();
    const { challengeToken, options } = await due(ada);
    const early = await getIn(ada.page, options);
    const anew = await ask(world.anonymous, challengeMutation, { challengeToken, type: 'WEBAUTHN' });
    expect((await verify(challengeToken, early)).__typename).toBe('CodeInvalid');
    expect((await verify(challengeToken, await getIn(ada.page, anew['webauthnOptions']!))).__typename).toBe('SignedIn');
  });

  it('opens one session, however often it comes at once', async () => {
    const ada = await somebody();
    const { challengeToken, options } = await due(ada);
    const answer = await getIn(ada.page, options);
    const { changed } = await watch(() => Promise.all(Array.from({ length: 4 }, () => verify(challengeToken, answer))));
    expect(changed.sessionsOpened).toBe(1);
  });
});

describe.skipIf(!browserAvailable)('a copy of a key', () => {
  it.each([
    ['stands where the house is', 0],
    ['lies behind it', -1],
  ])('is refused while its counter %s, and the original goes on', async (_where, behind) => {
    const ada = await somebody();
    for (let n = 0; n < 2; n += 1) {
      const { challengeToken, options } = await due(ada);
      expect((await verify(challengeToken, await getIn(ada.page, options))).__typename).toBe('SignedIn');
    }
    const counter = await counterOf(ada);
    expect(counter).toBeGreaterThan(1);
    // Its next signature carries one more than it was left with.
    await ada.authenticator.rewind(ada.credentialId, counter + behind - 1);
    const { challengeToken, options } = await due(ada);
    const { answer, changed } = await watch(async () => verify(challengeToken, await getIn(ada.page, options)));
    expect(answer.__typename).toBe('CodeInvalid');
    expect(changed).toEqual(wrong);
    expect(await counterOf(ada)).toBe(counter);
    await ada.authenticator.rewind(ada.credentialId, counter);
    expect((await verify(challengeToken, await getIn(ada.page, options))).__typename).toBe('SignedIn');
    expect(await counterOf(ada)).toBe(counter + 1);
  });

  it('that goes back is no passkey either', async () => {
    const ada = await somebody();
    await ada.authenticator.rewind(ada.credentialId, (await counterOf(ada)) - 1);
    const { challengeToken, options } = await passkeyOptionsOf(world.anonymous);
    const credential = await getIn(ada.page, options);
    const { answer, changed } = await watch(() => ask(world.anonymous, passkeyMutation, { challengeToken, credential }));
    expect(answer.__typename).toBe('InvalidCredentials');
    expect(changed).toEqual({ ...nothing, facts: ['user.passkey_failed InvalidCredentials'] });
  });
});

describe.skipIf(!browserAvailable)('a page of another origin of the same domain', () => {
  it('gets a genuine answer out of the authenticator, which is refused everywhere', async () => {
    const ada = await somebody();
    const foreign = await openSite();
    try {
      const { page, authenticator } = await visit(foreign.origin);
      for (const credential of await ada.authenticator.credentials()) await authenticator.add(credential);
      const second = await due(ada);
      const asFactor = await watch(async () => verify(second.challengeToken, await getIn(page, second.options)));
      expect(asFactor.answer.__typename).toBe('CodeInvalid');
      expect(asFactor.changed).toEqual(wrong);
      const { challengeToken, options } = await passkeyOptionsOf(world.anonymous);
      const credential = await getIn(page, options);
      expect((await ask(world.anonymous, passkeyMutation, { challengeToken, credential })).__typename).toBe('InvalidCredentials');
      const bob = await world.signedIn();
      const begun = await begin(bob);
      const registered = await watch(async () => confirm(bob, begun.methodId, await createIn(page, begun.options)));
      expect(registered.answer.__typename).toBe('CodeInvalid');
      expect(registered.changed).toEqual(wrongSetup);
    } finally {
      await foreign.close();
    }
  });
});

describe.skipIf(!browserAvailable)('a key of somebody else', () => {
  it('answers no challenge but its owner’s', async () => {
    const [ada, bob] = [await somebody(), await somebody()];
    const { challengeToken, options } = await due(bob);
    const asHerself = { ...options, allowCredentials: [{ id: ada.credentialId, type: 'public-key' }] };
    const adas = await getIn(ada.page, asHerself);
    for (const answer of [adas, { ...adas, id: bob.credentialId, rawId: bob.credentialId }]) {
      const { answer: refused, changed } = await watch(() => verify(challengeToken, answer));
      expect(refused.__typename).toBe('CodeInvalid');
      expect(changed).toEqual(wrong);
    }
    expect(await verify(challengeToken, await getIn(bob.page, options))).toMatchObject({ user: { id: bob.person.id } });
  });

  it('is registered for nobody else, neither by its owner’s answer nor by its id', async () => {
    const ada = await world.signedIn();
    const { page } = await visit();
    const registered = await registerIn(page, ada.client);
    const bob = await world.signedIn();
    const { methodId, options } = await begin(bob);
    const replayed = await watch(() => confirm(bob, methodId, registered.answer));
    expect(replayed.answer.__typename).toBe('CodeInvalid');
    expect(replayed.changed).toEqual(wrongSetup);
    // Nothing is signed at a registration without attestation: whoever registers may call the credential what they like.
    const forged = renamed(await createIn((await visit()).page, options), Buffer.from(registered.credentialId, 'base64url'));
    const { answer, changed } = await watch(() => confirm(bob, methodId, forged));
    expect(answer.__typename).toBe('NotFound');
    expect(changed).toEqual(nothing);
    expect((await ask(world.anonymous, mfaLoginMutation, { email: bob.email, password })).__typename).toBe('SignedIn');
  });
});

/** The registration of the same key under another id. CTAP2 canonical CBOR: {fmt: "none", attStmt: {}, authData: bytes}; authData as in WebAuthn §6.1. */
const renamed = (answer: Answer, id: Buffer): Answer => {
  const whole = Buffer.from(answer.response['attestationObject']!, 'base64url');
  const start = whole.indexOf('authData') + 8;
  const authData = whole.subarray(start + (whole[start] === 0x58 ? 2 : 3));
  const keyAt = 55 + authData.readUInt16BE(53);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(id.length);
  const forged = Buffer.concat([authData.subarray(0, 53), length, id, authData.subarray(keyAt)]);
  const head = Buffer.from([0x59, forged.length >> 8, forged.length & 0xff]);
  const attestationObject = Buffer.concat([whole.subarray(0, start), head, forged]).toString('base64url');
  const name = id.toString('base64url');
  return { ...answer, id: name, rawId: name, response: { ...answer.response, attestationObject } };
};

describe.skipIf(!browserAvailable)('a registration made by hand', () => {
  it('of a credential under another name of the right size is taken, which shows that the forgeries here are well-formed', async () => {
    const ada = await world.signedIn();
    const { methodId, options } = await begin(ada);
    const made = renamed(await createIn((await visit()).page, options), Buffer.alloc(1023, 5));
    expect((await confirm(ada, methodId, made)).__typename).toBe('MfaEnabled');
  });

  it.each([1024, 5000])('of a credential whose id has %i bytes is refused as a wrong one', async (size) => {
    const ada = await world.signedIn();
    const { methodId, options } = await begin(ada);
    const made = renamed(await createIn((await visit()).page, options), randomBytes(size));
    for (const id of [made.id, 'AAAA']) expect((await confirm(ada, methodId, { ...made, id, rawId: id })).__typename).toBe('CodeInvalid');
  });

  it.each([
    ['lists within the list', [['usb'], ['nfc', 'ble']]],
    ['words nobody knows', ['x'.repeat(500), 'telepathy', null, 7]],
    ['no list', 'usb'],
  ])('with %s for its transports keeps none of them', async (_what, transports) => {
    const ada = await world.signedIn();
    const { methodId, options } = await begin(ada);
    const made = await createIn((await visit()).page, options);
    const given = { ...made, response: { ...made.response, transports } };
    expect((await confirm(ada, methodId, given)).__typename).toBe('MfaEnabled');
    const { options: asked } = await dueFor(world, ada.email, password);
    expect(asked['allowCredentials']).toEqual([{ id: made.id, type: 'public-key', transports: [] }]);
  });

  it('is not made to follow chains of certificates, nor to fetch lists of revoked ones, for a word nobody asked for', () => {
    for (const identifier of ['android-key', 'android-safetynet', 'apple', 'fido-u2f', 'packed', 'tpm'] as const)
      expect(SettingsService.getRootCertificates({ identifier }), identifier).toHaveLength(0);
  });
});

describe.skipIf(!browserAvailable)('a key that was taken away', () => {
  it('ends at once: as a factor, as a passkey, and for what was open already', async () => {
    const ada = await somebody();
    const open = await due(ada);
    const passkey = await passkeyOptionsOf(world.anonymous);
    const [asFactor, asPasskey] = [await getIn(ada.page, open.options), await getIn(ada.page, passkey.options)];
    const mutation = 'mutation ($input: DisableMfaInput!) { disableMfa(input: $input) { __typename ... on User { mfaEnabled } } }';
    const { answer, changed } = await watch(() => ask(ada.person.client, mutation, { methodId: ada.methodId }));
    expect(answer).toMatchObject({ __typename: 'User', mfaEnabled: false });
    expect(changed).toEqual({ ...nothing, facts: ['mfa.disabled'], letters: [`mfa-disabled to ${ada.person.email}`] });
    expect((await verify(open.challengeToken, asFactor)).__typename).toBe('TokenInvalid');
    const { challengeToken } = passkey;
    const refused = await ask(world.anonymous, passkeyMutation, { challengeToken, credential: asPasskey });
    expect(refused.__typename).toBe('InvalidCredentials');
    const { email } = ada.person;
    expect((await ask(world.anonymous, mfaLoginMutation, { email, password })).__typename).toBe('SignedIn');
  });
});

describe.skipIf(!browserAvailable)('a user who wants nothing that can be phished', () => {
  const policy = 'mutation ($input: MfaPolicyInput!) { setMfaPolicy(input: $input) { __typename ... on User { id } } }';
  const phone = '+49301234567';

  it('is asked for the key or a backup code alone; right codes of an app and of a text message are refused', async () => {
    const app = await withTotp(world);
    const sms = await ask(app.client, setupMutation, { type: 'SMS', phone });
    const code = /\d{6}/.exec((await world.mail(phone)).text)![0];
    expect((await ask(app.client, confirmMutation, { methodId: (sms['method']! as { id: string }).id, code })).__typename).toBe(
      'MfaEnabled',
    );
    const ada = await somebody(app);
    const login = () => ask(world.anonymous, mfaLoginMutation, { email: app.email, password });
    const before = await login();
    expect(before['methods']).toEqual(['WEBAUTHN', 'TOTP', 'SMS', 'BACKUP_CODE']);
    const texted = await ask(world.anonymous, challengeMutation, { challengeToken: before['challengeToken']!, type: 'SMS' });
    expect(texted).toMatchObject({ __typename: 'MfaChallenge', sentTo: '+49…67' });
    const textCode = /\d{6}/.exec((await world.mail(phone, 1)).text)![0];

    expect(await ask(app.client, policy, { phishingResistantOnly: true })).toMatchObject({ __typename: 'User' });
    const after = await login();
    expect(after['methods']).toEqual(['WEBAUTHN', 'BACKUP_CODE']);
    const tokens: string[] = [before['challengeToken']!, after['challengeToken']!];
    const { answer, changed } = await watch(async () => {
      const kinds: string[] = [];
      for (const challengeToken of tokens) {
        for (const type of ['TOTP', 'SMS', 'EMAIL']) {
          const asked = await ask(world.anonymous, challengeMutation, { challengeToken, type });
          kinds.push(asked.__typename);
        }
      }
      const answers = [
        { challengeToken: tokens[0], type: 'SMS', code: textCode },
        { challengeToken: tokens[1], type: 'TOTP', code: totp(app.secret, world.clock.now(), 1) },
      ];
      for (const given of answers) kinds.push((await ask(world.anonymous, verifyMutation, given)).__typename);
      return kinds;
    });
    expect(answer).toEqual([...Array(6).fill('MfaNotEnabled'), 'CodeInvalid', 'CodeInvalid']);
    expect(changed).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid', 'mfa.failed CodeInvalid'] });
    const { challengeToken, options } = await due(ada);
    expect((await verify(challengeToken, await getIn(ada.page, options))).__typename).toBe('SignedIn');

    expect(await ask(app.client, policy, { phishingResistantOnly: false })).toMatchObject({ __typename: 'User' });
    const again = { challengeToken: (await login())['challengeToken']!, type: 'TOTP', code: totp(app.secret, world.clock.now(), 1) };
    expect((await ask(world.anonymous, verifyMutation, again)).__typename).toBe('SignedIn');
  });

  it('needs a key for it first', async () => {
    const app = await withTotp(world);
    const { answer, changed } = await watch(() => ask(app.client, policy, { phishingResistantOnly: true }));
    expect(answer.__typename).toBe('MfaNotEnabled');
    expect(changed).toEqual(nothing);
  });
});

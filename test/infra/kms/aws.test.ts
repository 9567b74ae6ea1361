/** What AWS KMS receives, and what its refusals become. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAwsKeeper } from '../../../src/infra/kms/aws.ts';
import { createEnvelopeKms } from '../../../src/infra/kms/envelope.ts';
import { DoesNotOpen, type Kms, UnknownMasterKey } from '../../../src/infra/ports.ts';
import { type AwsKms, startAwsKms } from '../../kit/aws-kms.ts';
import { freePort } from '../../kit/ports.ts';
import { noCache } from './providers.ts';

let server: AwsKms;
let kms: Kms;
let key: string;
const open = (more: Partial<Parameters<typeof openAwsKeeper>[0]> = {}) => {
  const { region, credentials, url: endpoint } = server;
  return openAwsKeeper({ keyId: 'alias/latchkey', region, endpoint, credentials, timeoutMs: 1_000, lookMs: 0, ...more });
};
beforeAll(async () => {
  server = await startAwsKms();
  key = server.makeKey();
  server.aliases.set('alias/latchkey', key);
  kms = createEnvelopeKms(await open(), undefined, noCache);
});
afterAll(async () => {
  kms.close();
  await server.close();
});
const context = { purpose: 'totp_secret', id: 'row-1', owner: 'user-1' };
const encryptionContext = { application: 'latchkey', ...context };
const secret = Buffer.from('a secret');

describe('AWS KMS', () => {
  it('receives signed requests with the encryption context, and never what is sealed', async () => {
    server.received.length = 0;
    const sealed = await kms.seal(secret, context);
    await kms.open(sealed, context);
    server.aliases.set('alias/latchkey', server.makeKey());
    const fresh = await kms.rewrap(sealed, context);
    expect(await kms.open(fresh!, context)).toEqual(secret);
    const blob = expect.any(String);
    const now = server.aliases.get('alias/latchkey');
    expect(server.received).toEqual([
      { operation: 'GenerateDataKey', body: { KeyId: 'alias/latchkey', KeySpec: 'AES_256', EncryptionContext: encryptionContext } },
      { operation: 'Decrypt', body: { KeyId: key, CiphertextBlob: blob, EncryptionContext: encryptionContext } },
      { operation: 'DescribeKey', body: { KeyId: 'alias/latchkey' } },
      {
        operation: 'ReEncrypt',
        body: {
          CiphertextBlob: blob,
          SourceKeyId: key,
          SourceEncryptionContext: encryptionContext,
          DestinationKeyId: 'alias/latchkey',
          DestinationEncryptionContext: encryptionContext,
        },
      },
      { operation: 'Decrypt', body: { KeyId: now, CiphertextBlob: blob, EncryptionContext: encryptionContext } },
    ]);
    expect(kms.keyIdOf(fresh!)).toBe(now);
    expect(JSON.stringify(server.received)).not.toContain(secret.toString('base64').slice(0, 8));
  });

  it('takes nothing that is signed with another secret, and the error names no more than the kind', async () => {
    const stranger = await open({ credentials: { accessKeyId: server.credentials.accessKeyId, secretAccessKey: 'another' } });
    const error = await stranger.generate(context).catch((thrown: Error) => thrown);
    expect(String(error)).toMatch(/^Unavailable: AWS KMS refuses the use of alias\/latchkey \(IncompleteSignatureException\)$/);
    expect(stranger.isAway()).toBe(false);
    stranger.close();
  });

  it('is asked for the key that is named, and says of a disabled one that it cannot be used: for that value alone', async () => {
    const old = await kms.seal(secret, context);
    server.keys.get(kms.keyIdOf(old))!.state = 'Disabled';
    await expect(kms.open(old, context)).rejects.toThrow(UnknownMasterKey);
    server.aliases.set('alias/latchkey', server.makeKey());
    expect(await kms.open(await kms.seal(secret, context), context)).toEqual(secret);
    server.keys.get(kms.keyIdOf(old))!.state = 'Enabled';
    expect(await kms.open(old, context)).toEqual(secret);
  });

  it('that denies the current key makes the KMS unavailable, and one that denies an old key loses what is under that', async () => {
    const old = await kms.seal(secret, context);
    server.keys.get(kms.keyIdOf(old))!.state = 'Denied';
    await expect(kms.open(old, context)).rejects.toThrow(/^AWS KMS refuses the use of .*AccessDenied/);
    server.aliases.set('alias/latchkey', server.makeKey());
    await kms.seal(secret, context);
    await expect(kms.open(old, context)).rejects.toThrow(UnknownMasterKey);
  });

  it('opens nothing that another key has wrapped, though it knows both', async () => {
    const sealed = await kms.seal(secret, context);
    const other = Buffer.from(server.makeKey());
    const moved = Buffer.from(sealed);
    other.copy(moved, 2);
    await expect(kms.open(moved, context)).rejects.toThrow(DoesNotOpen);
  });

  it('is not there at the start: what is wrong is said', async () => {
    const said = async (more: Parameters<typeof open>[0]) => {
      const keeper = await open(more);
      const error = await keeper.check().catch((thrown: Error) => thrown);
      keeper.close();
      return String(error);
    };
    expect(await said({})).toBe('undefined');
    const disabled = server.makeKey();
    server.keys.get(disabled)!.state = 'Disabled';
    expect(await said({ keyId: disabled })).toMatch(/KMS_AWS_KEY_ID: the key is Disabled/);
    expect(await said({ keyId: 'alias/nowhere' })).toMatch(/refuses the use of alias\/nowhere \(NotFoundException\)/);
    expect(await said({ endpoint: `http://127.0.0.1:${await freePort()}` })).toMatch(/does not answer \(ECONNREFUSED\)/);
  });
});

/** AWS KMS: GenerateDataKey, Decrypt, ReEncrypt and DescribeKey, bound by the encryption context. */
import type { KMSClientConfig } from '@aws-sdk/client-kms';
import { DoesNotOpen, type SealContext, StartError, UnknownMasterKey } from '../ports.ts';
import type { KeyKeeper } from './keeper.ts';
import { codeOf, createRemote, Refused, remembered, Transient } from './remote.ts';

/** Without `region`, `endpoint` or `credentials` the SDK's own chain is asked (environment, profile, the role of the pod or machine). */
export type AwsSettings = {
  keyId: string;
  region?: string | undefined;
  endpoint?: string | undefined;
  credentials?: KMSClientConfig['credentials'];
  timeoutMs: number;
  lookMs?: number;
};

const arn = /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/;

/** What CloudTrail shows, and what policies can ask for (kms:EncryptionContext:purpose). Ids of rows and people, no more than that of them. */
const encryptionContext = ({ purpose, id, owner }: SealContext): Record<string, string> => ({
  application: 'latchkey',
  purpose,
  id,
  ...(owner !== undefined && { owner }),
});

const passing = new Set([
  'DependencyTimeoutException',
  'KMSInternalException',
  'KeyUnavailableException',
  'ThrottlingException',
  'LimitExceededException',
  'CredentialsProviderError',
]);
const lost = new Set([
  'NotFoundException',
  'DisabledException',
  'KMSInvalidStateException',
  'InvalidArnException',
  'InvalidKeyUsageException',
  'ValidationException',
  'AccessDeniedException',
]);

/** The SDK's own bytes and no copy, so that whoever zeroes the key leaves none behind. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type Fault = { name?: string; message?: string; $metadata?: { httpStatusCode?: number } };
/** The SDK's errors in the house's words. Their messages are not told: they repeat what was sent. */
const inOurWords = (fault: Fault, keyId: string, ofRecord: boolean): Error => {
  if (fault.message === 'Region is missing') return new Refused('AWS KMS has no region: set KMS_AWS_REGION', 30);
  const status = fault.$metadata?.httpStatusCode;
  const name = fault.name ?? 'unknown';
  if (passing.has(name) || status === undefined || status >= 500 || status === 429) return new Transient(codeOf(fault));
  if (name === 'InvalidCiphertextException' || name === 'IncorrectKeyException')
    return new DoesNotOpen(`the wrapped key was altered or belongs to another context (${name})`);
  if (lost.has(name) && ofRecord) return new UnknownMasterKey(`AWS KMS does not let the key ${JSON.stringify(keyId)} be used (${name})`);
  return new Refused(`AWS KMS refuses the use of ${keyId} (${name})`, 30);
};

export const openAwsKeeper = async (settings: AwsSettings): Promise<KeyKeeper & { check(): Promise<void> }> => {
  // Not loaded where it is not used: it is half of what the server loads.
  const { DecryptCommand, DescribeKeyCommand, GenerateDataKeyCommand, KMSClient, ReEncryptCommand } = await import('@aws-sdk/client-kms');
  const { keyId: wanted, region, endpoint, credentials, timeoutMs, lookMs = 10_000 } = settings;
  const client = new KMSClient({
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    ...(credentials && { credentials }),
    // How often and how long is one rule for every KMS (./remote.ts).
    maxAttempts: 1,
    requestHandler: { connectionTimeout: timeoutMs, requestTimeout: timeoutMs, throwOnRequestTimeout: true },
  });
  const remote = createRemote({ name: 'AWS KMS', timeoutMs });
  const ask = <T>(keyId: string, ofRecord: boolean, send: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> =>
    remote.call((abortSignal) =>
      send({ abortSignal }).catch((fault: Fault) => {
        // Denied the current key, this process may nothing: no value is to blame.
        const denied = fault.name === 'AccessDeniedException' && keyId === current.last();
        throw inOurWords(fault, keyId, ofRecord && !denied);
      }),
    );

  const describe = () => ask(wanted, false, (options) => client.send(new DescribeKeyCommand({ KeyId: wanted }), options));
  const current = remembered(async () => (await describe()).KeyMetadata?.Arn ?? '', lookMs);
  const known = (keyId: string): string => {
    if (!arn.test(keyId)) throw new UnknownMasterKey(`${JSON.stringify(keyId)} is no key of AWS KMS`);
    return keyId;
  };

  return {
    async generate(context) {
      const command = new GenerateDataKeyCommand({ KeyId: wanted, KeySpec: 'AES_256', EncryptionContext: encryptionContext(context) });
      const { KeyId, Plaintext, CiphertextBlob } = await ask(wanted, false, (options) => client.send(command, options));
      if (!KeyId || Plaintext?.length !== 32 || !CiphertextBlob) throw new Refused('AWS KMS answered GenerateDataKey without a key', 30);
      current.know(KeyId);
      return { dataKey: asBuffer(Plaintext), keyId: KeyId, wrapped: Buffer.from(CiphertextBlob) };
    },
    async unwrap(keyId, wrapped, context) {
      const command = new DecryptCommand({ KeyId: known(keyId), CiphertextBlob: wrapped, EncryptionContext: encryptionContext(context) });
      const { Plaintext } = await ask(keyId, true, (options) => client.send(command, options));
      if (Plaintext?.length !== 32) throw new DoesNotOpen('the wrapped key is no data key');
      return asBuffer(Plaintext);
    },
    async rewrap(keyId, wrapped, context) {
      const command = new ReEncryptCommand({
        CiphertextBlob: wrapped,
        SourceKeyId: known(keyId),
        SourceEncryptionContext: encryptionContext(context),
        DestinationKeyId: wanted,
        DestinationEncryptionContext: encryptionContext(context),
      });
      const { KeyId, CiphertextBlob } = await ask(keyId, true, (options) => client.send(command, options));
      if (!KeyId || !CiphertextBlob) throw new Refused('AWS KMS answered ReEncrypt without a key', 30);
      return { keyId: KeyId, wrapped: Buffer.from(CiphertextBlob) };
    },
    current: current.get,
    owns: (keyId) => keyId.startsWith('arn:'),
    isAway: remote.isAway,
    close: () => client.destroy(),
    /** Throws a `StartError` that says what the key lacks. */
    async check() {
      const { KeyMetadata: key } = await describe();
      if (key?.KeyState !== 'Enabled') throw new StartError(`KMS_AWS_KEY_ID: the key is ${key?.KeyState ?? 'unknown'}, and not Enabled`);
      if (key.KeyUsage !== 'ENCRYPT_DECRYPT' || key.KeySpec !== 'SYMMETRIC_DEFAULT')
        throw new StartError('KMS_AWS_KEY_ID: a symmetric key for ENCRYPT_DECRYPT is needed (KeySpec SYMMETRIC_DEFAULT)');
      current.know(known(key.Arn ?? ''));
    },
  };
};

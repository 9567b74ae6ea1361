/**
 * A server that speaks the JSON protocol of AWS KMS (AWS JSON 1.1, X-Amz-Target TrentService.*): DescribeKey, GenerateDataKey, Decrypt and
 * ReEncrypt. It takes nothing that is not signed by Signature Version 4, which aws4 computes independently, and binds to the encryption context.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { sign } from 'aws4';
import { type Answer, startLoopback } from './loopback.ts';

type Context = Record<string, string>;
type Body = Record<string, string> & {
  EncryptionContext?: Context;
  SourceEncryptionContext?: Context;
  DestinationEncryptionContext?: Context;
};
class Refusal extends Error {}
const refuse = (name: string): never => {
  throw new Refusal(name);
};
const aad = (context: Context = {}): Buffer => Buffer.from(JSON.stringify(Object.entries(context).sort()));

export const startAwsKms = async () => {
  const region = 'eu-central-1';
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: randomBytes(30).toString('base64') };
  const keys = new Map<string, { material: Buffer; state: 'Enabled' | 'Disabled' | 'Denied' }>();
  const aliases = new Map<string, string>();
  const received: { operation: string; body: Body }[] = [];
  const dataKeys: Buffer[] = [];

  const makeKey = (): string => {
    const arn = `arn:aws:kms:${region}:111122223333:key/${randomUUID()}`;
    keys.set(arn, { material: randomBytes(32), state: 'Enabled' });
    return arn;
  };
  const arnOf = (id = ''): string => {
    const arn = aliases.get(id) ?? [...keys.keys()].find((key) => key === id || key.endsWith(`/${id}`));
    if (!/^[\w:/-]{1,2048}$/.test(id)) return refuse('ValidationException');
    return arn ?? refuse('NotFoundException');
  };
  const usable = (id?: string) => {
    const arn = arnOf(id);
    const key = keys.get(arn)!;
    if (key.state !== 'Enabled') refuse(key.state === 'Denied' ? 'AccessDeniedException' : 'DisabledException');
    return { arn, ...key };
  };
  const wrap = (id: string | undefined, dataKey: Buffer, context?: Context): { arn: string; blob: string } => {
    const { arn, material } = usable(id);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', material, nonce).setAAD(aad(context));
    return { arn, blob: Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]).toString('base64') };
  };
  const unwrap = (id: string | undefined, blob: string | undefined, context?: Context): { arn: string; dataKey: Buffer } => {
    const { arn, material } = usable(id);
    const bytes = Buffer.from(blob ?? '', 'base64');
    if (bytes.length < 29) refuse('InvalidCiphertextException');
    const decipher = createDecipheriv('aes-256-gcm', material, bytes.subarray(0, 12)).setAAD(aad(context)).setAuthTag(bytes.subarray(-16));
    try {
      return { arn, dataKey: Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]) };
    } catch {
      return refuse('InvalidCiphertextException');
    }
  };
  const operations: Record<string, (body: Body) => object> = {
    DescribeKey: ({ KeyId }) => {
      const arn = arnOf(KeyId);
      const { state } = keys.get(arn)!;
      return {
        KeyMetadata: { KeyId: arn.split('/')[1], Arn: arn, KeyState: state, KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'SYMMETRIC_DEFAULT' },
      };
    },
    GenerateDataKey: ({ KeyId, KeySpec, EncryptionContext }) => {
      if (KeySpec !== 'AES_256') refuse('ValidationException');
      const dataKey = randomBytes(32);
      const { arn, blob } = wrap(KeyId, dataKey, EncryptionContext);
      dataKeys.push(dataKey);
      return { KeyId: arn, Plaintext: dataKey.toString('base64'), CiphertextBlob: blob };
    },
    Decrypt: ({ KeyId, CiphertextBlob, EncryptionContext }) => {
      const { arn, dataKey } = unwrap(KeyId, CiphertextBlob, EncryptionContext);
      dataKeys.push(dataKey);
      return { KeyId: arn, Plaintext: dataKey.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    },
    ReEncrypt: (body) => {
      const { arn: from, dataKey } = unwrap(body['SourceKeyId'], body['CiphertextBlob'], body.SourceEncryptionContext);
      const { arn, blob } = wrap(body['DestinationKeyId'], dataKey, body.DestinationEncryptionContext);
      return { KeyId: arn, SourceKeyId: from, CiphertextBlob: blob };
    },
  };

  /** Whether the signature is the one that the credentials make over exactly these headers and this body. */
  const isSigned = ({ headers, method = '', url: path = '' }: IncomingMessage, body: string): boolean => {
    const given = headers.authorization ?? '';
    const names = /SignedHeaders=([^,]+)/.exec(given)?.[1]?.split(';') ?? [];
    if (!['host', 'x-amz-date', 'x-amz-target'].every((name) => names.includes(name))) return false;
    const signed = Object.fromEntries(names.map((name) => [name, String(headers[name])]));
    const copy = sign({ service: 'kms', region, host: String(headers.host), method, path, headers: signed, body }, credentials);
    const signatureOf = (text = '') => /Credential=([^,]+), SignedHeaders=.*Signature=(\w{64})$/.exec(text)?.slice(1).join(' ') ?? 'none';
    return signatureOf(given) !== 'none' && signatureOf(given) === signatureOf(copy.headers['Authorization']);
  };
  const answer = (request: IncomingMessage, text: string): Answer => {
    try {
      if (!isSigned(request, text)) return refuse('IncompleteSignatureException');
      const operation = String(request.headers['x-amz-target']).replace(/^TrentService\./, '');
      const body = JSON.parse(text) as Body;
      received.push({ operation, body });
      return { status: 200, body: (operations[operation] ?? refuse('UnknownOperationException'))(body) };
    } catch (error) {
      if (error instanceof Refusal) return { status: 400, body: { __type: error.message, message: `refused: ${text}` } };
      throw error;
    }
  };
  const { url, state, close } = await startLoopback(answer);
  return { url, state, close, region, credentials, keys, aliases, received, dataKeys, makeKey };
};
export type AwsKms = Awaited<ReturnType<typeof startAwsKms>>;

/**
 * A server that speaks the HTTP API of HashiCorp Vault as far as Transit (keys, datakey, decrypt, rewrap) and the two ways to a token go: a
 * derived key encrypts under a key made of its version and the context, and its messages are Vault's own.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { type Answer, startLoopback } from './loopback.ts';

type Key = { versions: Buffer[]; derived: boolean; oldest: number };
type Body = Record<string, string>;
const errors = (status: number, ...said: string[]): Answer => ({ status, body: { errors: said } });

export const startVault = async ({ namespace, leaseSeconds = 3600 }: { namespace?: string; leaseSeconds?: number } = {}) => {
  const rootToken = `hvs.${randomBytes(18).toString('base64url')}`;
  const appRole = { roleId: randomUUID(), secretId: randomUUID() };
  const keys = new Map<string, Key>();
  const tokens = new Map<string, number>([[rootToken, Number.POSITIVE_INFINITY]]);
  const received: { path: string; body: Body; headers: Record<string, unknown> }[] = [];
  const dataKeys: Buffer[] = [];
  const options = { leaseSeconds, longestLease: Number.POSITIVE_INFINITY };

  const makeKey = (name: string, { derived = true } = {}) => keys.set(name, { versions: [randomBytes(32)], derived, oldest: 1 });
  const rotate = (name: string) => keys.get(name)!.versions.push(randomBytes(32));
  const keyOf = (key: Key, version: number, context: string): Buffer =>
    key.derived
      ? createHmac('sha256', key.versions[version - 1]!)
          .update(Buffer.from(context, 'base64'))
          .digest()
      : key.versions[version - 1]!;
  const wrap = (key: Key, dataKey: Buffer, context: string): string => {
    const version = key.versions.length;
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', keyOf(key, version, context), nonce);
    return `vault:v${version}:${Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]).toString('base64')}`;
  };
  const unwrap = (key: Key, ciphertext: string, context: string): Buffer | Answer => {
    const [, text, base64 = ''] = /^vault:v(\d+):(.*)$/.exec(ciphertext) ?? [];
    const version = Number(text);
    if (!text) return errors(400, 'invalid ciphertext: no prefix');
    if (version > key.versions.length) return errors(400, 'invalid ciphertext: version is too new');
    if (version < key.oldest) return errors(400, 'ciphertext or signature version is disallowed by policy (too old)');
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length < 28) return errors(400, 'invalid ciphertext: could not decode base64');
    const decipher = createDecipheriv('aes-256-gcm', keyOf(key, version, context), bytes.subarray(0, 12)).setAuthTag(bytes.subarray(-16));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    } catch {
      return errors(400, 'cipher: message authentication failed');
    }
  };
  const transit = (verb: string, key: Key, body: Body): Answer => {
    if (verb === 'keys')
      return { status: 200, body: { data: { latest_version: key.versions.length, derived: key.derived, type: 'aes256-gcm96' } } };
    const { context = '', ciphertext = '' } = body;
    if (key.derived && !context) return errors(400, 'missing "context" for key derivation; the key was created using a derived key');
    if (verb === 'datakey/plaintext') {
      const dataKey = randomBytes(32);
      dataKeys.push(dataKey);
      const data = { plaintext: dataKey.toString('base64'), ciphertext: wrap(key, dataKey, context), key_version: key.versions.length };
      return { status: 200, body: { data } };
    }
    const plain = unwrap(key, ciphertext, context);
    if (!Buffer.isBuffer(plain)) return plain;
    if (verb === 'rewrap')
      return { status: 200, body: { data: { ciphertext: wrap(key, plain, context), key_version: key.versions.length } } };
    dataKeys.push(plain);
    return { status: 200, body: { data: { plaintext: plain.toString('base64') } } };
  };
  const grant = (token: string, seconds = options.leaseSeconds): Answer => {
    tokens.set(token, performance.now() + seconds * 1000);
    return { status: 200, body: { auth: { client_token: token, lease_duration: seconds, renewable: true } } };
  };

  const loopback = await startLoopback((request, text) => {
    const path = String(request.url).replace(/^\/v1\//, '');
    const body: Body = text ? JSON.parse(text) : {};
    received.push({ path, body, headers: request.headers });
    if (request.headers['x-vault-request'] !== 'true') return errors(400, 'missing X-Vault-Request');
    if (namespace && request.headers['x-vault-namespace'] !== namespace) return errors(403, 'permission denied');
    if (path === 'auth/approle/login') {
      if (body['role_id'] !== appRole.roleId || body['secret_id'] !== appRole.secretId) return errors(400, 'invalid role or secret ID');
      return grant(`hvs.${randomBytes(18).toString('base64url')}`);
    }
    const token = String(request.headers['x-vault-token']);
    if (!((tokens.get(token) ?? 0) > performance.now())) return errors(403, 'permission denied', 'invalid token');
    if (path === 'auth/token/renew-self') return grant(token, Math.min(options.leaseSeconds, options.longestLease));
    const [, verb, name] = /^transit\/(keys|datakey\/plaintext|decrypt|rewrap)\/([^/]+)$/.exec(path) ?? [];
    if (!verb || (request.method === 'GET') !== (verb === 'keys')) return errors(404, `no handler for route "${path}"`);
    const key = keys.get(String(name));
    if (!key) return verb === 'keys' ? errors(404) : errors(400, 'encryption key not found');
    return transit(verb, key, body);
  });
  return { ...loopback, rootToken, appRole, keys, tokens, received, dataKeys, options, makeKey, rotate };
};
export type VaultServer = Awaited<ReturnType<typeof startVault>>;

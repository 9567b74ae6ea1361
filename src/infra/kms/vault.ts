/**
 * HashiCorp Vault's Transit engine by its HTTP API: datakey, decrypt and rewrap with a derived key. Of the two ways in which Transit can bind a
 * ciphertext, `associated_data` is not known to datakey and rewrap; `context`, from which a derived key makes a key of its own for each
 * context, is known to all three. So the key has to be made with `derived=true`.
 */
import { DoesNotOpen, type SealContext, StartError, UnknownMasterKey } from '../ports.ts';
import { currentVersion, encode } from './format.ts';
import type { KeyKeeper } from './keeper.ts';
import { codeOf, createRemote, Refused, remembered, Transient } from './remote.ts';
import { type AskVault, openVaultSession, type VaultAuth } from './vault-session.ts';

/** `lookMs`: how old what is known of the key's latest version may be. */
export type VaultSettings = {
  address: string;
  mount: string;
  key: string;
  namespace?: string | undefined;
  auth: VaultAuth;
  timeoutMs: number;
  lookMs?: number;
};

type Answer = { errors?: unknown; data?: Record<string, unknown> };

const asker =
  ({ address, namespace }: VaultSettings): AskVault =>
  async ({ path, body, token }, signal) => {
    try {
      const answer = await fetch(`${address}/v1/${path}`, {
        method: body ? 'POST' : 'GET',
        headers: {
          'X-Vault-Request': 'true',
          ...(token && { 'X-Vault-Token': token }),
          ...(namespace && { 'X-Vault-Namespace': namespace }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal,
      });
      const parsed: unknown = await answer.json().catch(() => null);
      // 412: this node of the cluster is behind (eventual consistency); 429 and 5xx: a standby, sealed, or too much asked of it.
      if (answer.status >= 500 || answer.status === 429 || answer.status === 412) throw new Transient(`HTTP ${answer.status}`);
      return { status: answer.status, body: parsed };
    } catch (fault) {
      throw fault instanceof Transient ? fault : new Transient(codeOf(fault));
    }
  };

/** Ids: vault:mount/key:vN. The version is in the id alone, so that it tells what a rotation leaves behind. */
const idOf = (mount: string, key: string, version: number): string => `vault:${mount}/${key}:v${version}`;
const idForm = /^vault:(.+)\/([\w-]+(?:\.[\w-]+)*):v([1-9]\d{0,8})$/;
const ciphertextForm = /^vault:v([1-9]\d{0,8}):([A-Za-z0-9+/]+={0,2})$/;

export const createVaultKeeper = (settings: VaultSettings): KeyKeeper & { check(): Promise<void> } => {
  const { mount, key, timeoutMs, lookMs = 10_000 } = settings;
  const remote = createRemote({ name: 'Vault', timeoutMs });
  const ask = asker(settings);
  const session = openVaultSession(ask, settings.auth);
  const request = (path: string, body: object | null): Promise<{ status: number; body: Answer | null }> =>
    remote.call(async (signal) => {
      for (let again = true; ; again = false) {
        const token = await session.token(signal);
        const answer = await ask({ path, body, token }, signal);
        // A token can end before its time: revoked, or its Vault was restored from a backup.
        if (answer.status !== 403 || !again || !session.refused(token)) return answer as { status: number; body: Answer | null };
      }
    });

  const contextOf = (context: SealContext): string => encode(currentVersion, 'key', context).toString('base64');
  const refusal = (what: string, status: number) => new Refused(`Vault refuses ${what} with the key ${mount}/${key} (HTTP ${status})`, 30);
  /** Raw bytes are stored and not Vault's base64, several spellings of which would be one value: a flipped bit has to be seen. */
  const parse = (ciphertext: unknown): { version: number; wrapped: Buffer } => {
    const [, version, text] = ciphertextForm.exec(String(ciphertext)) ?? [];
    if (!version || !text) throw new Refused('Vault answered with a ciphertext of another form', 30);
    return { version: Number(version), wrapped: Buffer.from(text, 'base64') };
  };
  const readKey = () => request(`${mount}/keys/${key}`, null);
  const current = remembered(async () => {
    const { status, body } = await readKey();
    const latest = Number(body?.data?.['latest_version']);
    if (status !== 200 || !Number.isInteger(latest)) throw refusal('to be asked for the latest version', status);
    return idOf(mount, key, latest);
  }, lookMs);

  /** Decrypts or rewraps what is stored under `keyId`; the answer's data. */
  const onRecord = async (verb: 'decrypt' | 'rewrap', keyId: string, wrapped: Buffer, context: SealContext) => {
    const [, ofMount, name, version] = idForm.exec(keyId) ?? [];
    if (ofMount !== mount || !name || !version) throw new UnknownMasterKey(`${JSON.stringify(keyId)} is no key of Vault's ${mount}`);
    const ciphertext = `vault:v${version}:${wrapped.toString('base64')}`;
    const { status, body } = await request(`${mount}/${verb}/${name}`, { ciphertext, context: contextOf(context) });
    if (status === 200 && body?.data) return { name, data: body.data };
    // Denied the present key, this process may nothing: no value is to blame.
    if (status === 403 && name === key) throw refusal(`to ${verb}`, status);
    const said = Array.isArray(body?.errors) ? body.errors.join() : '';
    if (status === 400 && !/key not found|policy not found|too old|too new|no longer/.test(said))
      throw new DoesNotOpen('the wrapped key was altered or belongs to another context');
    throw new UnknownMasterKey(`Vault does not let the key ${JSON.stringify(keyId)} be used (HTTP ${status})`);
  };

  return {
    async generate(context) {
      const { status, body } = await request(`${mount}/datakey/plaintext/${key}`, { context: contextOf(context), bits: 256 });
      const dataKey = Buffer.from(String(body?.data?.['plaintext'] ?? ''), 'base64');
      if (status !== 200 || dataKey.length !== 32) throw refusal('to generate a data key', status);
      const { version, wrapped } = parse(body?.data?.['ciphertext']);
      return { dataKey, keyId: current.know(idOf(mount, key, version)), wrapped };
    },
    async unwrap(keyId, wrapped, context) {
      const { data } = await onRecord('decrypt', keyId, wrapped, context);
      const dataKey = Buffer.from(String(data['plaintext'] ?? ''), 'base64');
      if (dataKey.length !== 32) throw new DoesNotOpen('the wrapped key is no data key');
      return dataKey;
    },
    async rewrap(keyId, wrapped, context) {
      const { name, data } = await onRecord('rewrap', keyId, wrapped, context);
      const fresh = parse(data['ciphertext']);
      return { keyId: idOf(mount, name, fresh.version), wrapped: fresh.wrapped };
    },
    current: current.get,
    // Rewrap takes a data key to another version of its key and not to another key: what is under one of another name is sealed anew.
    owns: (keyId) => keyId.startsWith(`vault:${mount}/${key}:v`),
    isAway: remote.isAway,
    close: () => {},
    /** Throws a `StartError` that says what the key lacks. */
    async check() {
      const { status, body } = await readKey();
      const made = `Make it: vault write -f ${mount}/keys/${key} type=aes256-gcm96 derived=true`;
      if (status === 404) throw new StartError(`KMS_VAULT_KEY: Vault has no key ${mount}/${key}. ${made}`);
      if (status !== 200) throw refusal('to be read', status);
      if (body?.data?.['derived'] !== true)
        throw new StartError(`KMS_VAULT_KEY: ${mount}/${key} is no derived key, so that Vault would bind a data key to nothing. ${made}`);
      await current.get();
    },
  };
};

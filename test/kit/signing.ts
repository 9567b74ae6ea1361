/** Tokens signed by hand with the house's own key: what a thief of the key, or a careless verifier, would have to do with. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { World } from './world.ts';

export type OwnKey = { kid: string; algorithm: string; privateKey: KeyObject; publicJwk: Record<string, string> };

/** A key of the house in that state, its private half opened. */
export const ownKey = async (world: Pick<World, 'sql' | 'house'>, state: 'active' | 'next' | 'retired' = 'active'): Promise<OwnKey> => {
  const [row] = await world.sql<{ kid: string; algorithm: string; sealed_private: Buffer; public_jwk: Record<string, string> }>(
    'SELECT * FROM signing_keys WHERE state = $1 ORDER BY created_at DESC LIMIT 1',
    [state],
  );
  if (!row) throw new Error(`there is no key that is ${state}`);
  const der = await world.house.infra.kms.open(row.sealed_private, { purpose: 'signing_key', id: row.kid });
  return {
    kid: row.kid,
    algorithm: row.algorithm,
    privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }),
    publicJwk: row.public_jwk,
  };
};

export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
/** Header and claims of a token. */
export const partsOf = (token: string): { header: Record<string, unknown>; claims: Record<string, unknown>; signature: Buffer } => {
  const [header = '', claims = '', signature = ''] = token.split('.');
  const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
  return { header: read(header), claims: read(claims), signature: Buffer.from(signature, 'base64url') };
};
/** A compact JWS with that very header, rightly signed with the ES256 key. */
export const signAs = (key: Pick<OwnKey, 'privateKey'>, header: unknown, claims: unknown): string => {
  const input = `${part(header)}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
};

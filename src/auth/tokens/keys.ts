/**
 * The key ring: next → active → retired. `next` is in the JWKS before it signs, so that verifiers with a cached set know it in time;
 * a retired key verifies until the last token it signed is over. Any replica signs; a rotation reaches the others by the log, and by
 * an unknown kid.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock, Database, Kms } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Origin } from '../caller.ts';
import type { Algorithm, VerifyingKey } from './jwt.ts';
import { advanceKeys, insertKey, liveKeys, lockKeys } from './store.ts';

const generate = promisify(generateKeyPair);

const newPair = (algorithm: Algorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> => {
  if (algorithm === 'ES256') return generate('ec', { namedCurve: 'P-256' });
  if (algorithm === 'RS256') return generate('rsa', { modulusLength: 2048 });
  return generate('ed25519');
};

/** RFC 7638: SHA-256 of the required members in lexical order. */
const thumbprint = (jwk: Record<string, unknown>): string => {
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter((name) => jwk[name] !== undefined);
  return createHash('sha256').update(JSON.stringify(jwk, members)).digest('base64url');
};

export type KeyNeeds = {
  database: Database;
  kms: Kms;
  clock: Clock;
  trail: AuditTrail;
  config: { JWT_ALGORITHM: Algorithm; ACCESS_TOKEN_TTL_SECONDS: number };
};

type Signer = { kid: string; algorithm: Algorithm; privateKey: KeyObject; activatedAt: Date };
export type KeyRing = Awaited<ReturnType<typeof openKeyRing>>;

/** Loads the keys, making the first two on an empty database. */
export const openKeyRing = async (needs: KeyNeeds) => {
  const { database, kms, clock, trail, config } = needs;
  let signer: Signer | undefined;
  let verifiers = new Map<string, VerifyingKey>();
  let published: { keys: object[] } = { keys: [] };
  let looked = 0;

  const load = async (): Promise<void> => {
    const oldest = new Date(clock.now().getTime() - config.ACCESS_TOKEN_TTL_SECONDS * 1000);
    const rows = await liveKeys(database, oldest);
    const next = new Map<string, VerifyingKey>();
    let active: Signer | undefined;
    for (const row of rows) {
      next.set(row.kid, { algorithm: row.algorithm, publicKey: createPublicKey({ key: row.public_jwk, format: 'jwk' }) });
      if (row.state !== 'active') continue;
      const der = await kms.open(row.sealed_private, { purpose: 'signing_key', id: row.kid });
      const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      active = { kid: row.kid, algorithm: row.algorithm, privateKey, activatedAt: row.activated_at ?? clock.now() };
    }
    verifiers = next;
    published = { keys: rows.map((row) => ({ ...row.public_jwk, kid: row.kid, alg: row.algorithm, use: 'sig' })) };
    if (active) signer = active;
  };

  const newKey = async () => {
    const { publicKey, privateKey } = await newPair(config.JWT_ALGORITHM);
    const publicJwk = publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
    const kid = thumbprint(publicJwk);
    const sealedPrivate = await kms.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), { purpose: 'signing_key', id: kid });
    return { kid, algorithm: config.JWT_ALGORITHM, publicJwk, sealedPrivate };
  };

  await load();
  if (!signer) {
    const [first, second] = [await newKey(), await newKey()];
    await database.transaction(async (sql) => {
      await lockKeys(sql);
      if ((await liveKeys(sql, clock.now())).some((key) => key.state === 'active')) return;
      await insertKey(sql, first, 'active', clock.now());
      await insertKey(sql, second, 'next', clock.now());
    });
    await load();
  }

  return {
    /** The key that signs now. */
    signer: (): Signer => {
      if (!signer) throw new Error('there is no active signing key');
      return signer;
    },
    keyOf: (kid: string): VerifyingKey | undefined => verifiers.get(kid),
    /** RFC 7517 §5: public keys only, `next` among them. */
    jwks: (): { keys: object[] } => published,
    reload: load,
    /** Reloads because a token named an unknown kid: at most once a second, since anybody can make up a kid. */
    reloadForUnknown: async (): Promise<void> => {
      const now = clock.now().getTime();
      if (Math.abs(now - looked) < 1000) return;
      looked = now;
      await load();
    },
    /** next → active → retired, and a fresh `next`; the kid that signs from now on. With `ifActivatedBefore`, only where the active key is older. */
    rotate: async (caller: Origin, ifActivatedBefore?: Date): Promise<string | null> => {
      const fresh = await newKey();
      const kid = await database.transaction(async (sql) => {
        await lockKeys(sql);
        const active = (await liveKeys(sql, clock.now())).find((key) => key.state === 'active');
        if (ifActivatedBefore && active?.activated_at && active.activated_at >= ifActivatedBefore) return null;
        const activated = await advanceKeys(sql, clock.now());
        await insertKey(sql, fresh, activated ? 'next' : 'active', clock.now());
        await trail.write(sql, [trail.fact(caller, { type: 'key.rotated', data: { kid: activated ?? fresh.kid } })]);
        return activated ?? fresh.kid;
      });
      trail.committed();
      await load();
      return kid;
    },
  };
};

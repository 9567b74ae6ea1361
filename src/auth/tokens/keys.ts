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
import type { SealedColumn } from '../seals/model.ts';
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

const sealContext = (kid: string) => ({ purpose: 'signing_key', id: kid });
export const signingKeys: SealedColumn = {
  table: 'signing_keys',
  column: 'sealed_private',
  key: 'kid',
  keyType: 'text',
  needs: [],
  context: (row) => sealContext(row['kid'] as string),
};

export type KeyNeeds = {
  database: Database;
  kms: Kms;
  clock: Clock;
  trail: AuditTrail;
  config: { JWT_ALGORITHM: Algorithm; ACCESS_TOKEN_TTL_SECONDS: number };
};

type Signer = { kid: string; algorithm: Algorithm; privateKey: KeyObject; activatedAt: Date };
type KnownKey = VerifyingKey & { jwk: object; retiredAt: Date | null };
export type KeyRing = Awaited<ReturnType<typeof openKeyRing>>;

/** Loads the keys, making the first two on an empty database. */
export const openKeyRing = async (needs: KeyNeeds) => {
  const { database, kms, clock, trail, config } = needs;
  // A minute more than a token can live: until they hear of a rotation, by clocks that differ, other processes sign with the old key.
  const keptMs = (config.ACCESS_TOKEN_TTL_SECONDS + 60) * 1000;
  let signer: Signer | undefined;
  let known = new Map<string, KnownKey>();
  let looked = 0;
  let looking: Promise<void> | null = null;

  const load = async (): Promise<void> => {
    const rows = await liveKeys(database, new Date(clock.now().getTime() - keptMs));
    const next = new Map<string, KnownKey>();
    let active: Signer | undefined;
    for (const row of rows) {
      const { kid, algorithm, public_jwk: jwk, retired_at: retiredAt } = row;
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
      next.set(kid, { algorithm, publicKey, jwk: { ...jwk, kid, alg: algorithm, use: 'sig' }, retiredAt });
      if (row.state !== 'active') continue;
      const der = await kms.open(row.sealed_private, sealContext(kid));
      const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      active = { kid, algorithm, privateKey, activatedAt: row.activated_at ?? clock.now() };
    }
    known = next;
    if (active) signer = active;
  };

  /** Whether the last token a key signed is over. Asked at each use: whoever has stolen a key that was retired cannot go on with it. */
  const isOver = ({ retiredAt }: KnownKey): boolean => retiredAt !== null && retiredAt.getTime() + keptMs <= clock.now().getTime();

  const newKey = async () => {
    const { publicKey, privateKey } = await newPair(config.JWT_ALGORITHM);
    const publicJwk = publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
    const kid = thumbprint(publicJwk);
    const sealedPrivate = await kms.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), sealContext(kid));
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
    keyOf: (kid: string): VerifyingKey | undefined => {
      const key = known.get(kid);
      return key && !isOver(key) ? key : undefined;
    },
    /** RFC 7517 §5: public keys only, `next` among them. */
    jwks: (): { keys: object[] } => ({ keys: [...known.values()].filter((key) => !isOver(key)).map((key) => key.jwk) }),
    reload: load,
    /** Reloads because a token named an unknown kid: at most once a second, since anybody can make up a kid; all who ask wait for it. */
    reloadForUnknown: async (): Promise<void> => {
      const now = clock.now().getTime();
      if (!looking && Math.abs(now - looked) >= 1000) {
        looked = now;
        looking = load().finally(() => {
          looking = null;
        });
      }
      await looking;
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

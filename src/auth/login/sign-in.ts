/** The end that every way of signing in shares: a session, its facts, the alert of a new device, the limit on sessions, the tokens. */
import type { Clock, Database, Places, Random } from '../../infra/ports.ts';
import type { SessionPolicy } from '../access/model.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { type Device, type DeviceInput, describeDevice, deviceKey } from '../sessions/device.ts';
import type { Endings } from '../sessions/ending.ts';
import type { Grants } from '../sessions/grant.ts';
import { endOldest } from '../sessions/store.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import type { UserRow } from '../users/read.ts';
import { type Alert, limitLetters, prepareAlert } from './alert.ts';
import type { SignedIn } from './model.ts';
import type { Proof } from './proof.ts';
import { isImpossibleTravel, type Risk } from './risk.ts';
import { signInWith } from './store.ts';

export type SignInNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  places: Places;
  pepper: Buffer;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  endings: Endings;
  grants: Grants;
  /** What the user's organizations ask of sessions. */
  policyOf(userId: string): Promise<SessionPolicy>;
  /** The organization that a new session speaks for: the one asked for, where the user is in it; else his only one. */
  placeOf(userId: string, orgId: string | null): Promise<string | null>;
  config: {
    SESSION_TTL_DAYS: number;
    SESSION_PERSISTENT_TTL_DAYS: number;
    SESSION_IDLE_DAYS: number;
    SESSION_MAX_PER_USER: number;
    LINK_NOT_ME?: string | undefined;
    publicUrl: string;
  };
};

const daySeconds = 86_400;
/** The client this API itself is to a token (RFC 9068 §2.2 asks for a client_id). */
const firstPartyClient = 'latchkey';

/** Undoes the transaction of a sign-in that came to nothing, with the proof it had taken. */
class Stale extends Error {}
const noSession = (fault: unknown): undefined => {
  if (!(fault instanceof Stale)) throw fault;
};

export type SignIn = ReturnType<typeof openSignIn>;

export const openSignIn = (needs: SignInNeeds) => {
  const { database, clock, random, places, trail, config } = needs;

  /** The stricter of two limits; 0 and null: none. */
  const stricter = (a: number, b: number | null): number => (b === null ? a : a === 0 ? b : Math.min(a, b));

  const newSession = (proof: Proof, caller: Caller, now: Date, policy: SessionPolicy, orgId: string | null) => {
    const days = proof.persistent ? config.SESSION_PERSISTENT_TTL_DAYS : config.SESSION_TTL_DAYS;
    return {
      id: random.uuid(now),
      salt: random.bytes(16),
      expiresAt: new Date(now.getTime() + days * daySeconds * 1000),
      row: {
        org_id: orgId,
        client_id: firstPartyClient,
        at: now,
        authenticated_at: proof.authenticatedAt ?? now,
        idle_seconds: stricter(config.SESSION_IDLE_DAYS * daySeconds, policy.idleSeconds),
        persistent: proof.persistent,
        amr: proof.amr,
        ip_address: caller.ip,
        user_agent: caller.userAgent?.slice(0, 400) ?? null,
        browser: proof.device.browser,
        os: proof.device.os,
        country: proof.device.country,
        device_name: proof.device.name,
        device_fingerprint: proof.device.fingerprint,
        trusted_device_id: proof.trustedDeviceId ?? null,
      },
    };
  };

  const riskOf = ({ knownDevice, before, device }: Proof, caller: Caller, now: Date): Risk => {
    const newDevice = !knownDevice;
    if (!places.known || !before) return { newDevice, newCountry: null, impossibleTravel: null };
    const from = before.ip === null ? null : places.place(before.ip);
    return {
      newDevice,
      newCountry: device.country === null ? null : !before.countryKnown,
      impossibleTravel: isImpossibleTravel({ at: before.at, place: from }, { at: now, place: places.place(caller.ip) }),
    };
  };

  /** Null where the user is no longer active, the password no longer the one that was verified, or the proof taken by somebody else. */
  const open = async (caller: Caller, proof: Proof): Promise<SignedIn | null> => {
    const now = clock.now();
    const policy = await needs.policyOf(proof.userId);
    const orgId = await needs.placeOf(proof.userId, proof.orgId ?? null);
    const { id, salt, expiresAt, row } = newSession(proof, caller, now, policy, orgId);
    const who = { actorId: null, subjectId: null, sessionId: id, orgId };
    const { persistent, amr } = proof;
    const risk = riskOf(proof, caller, now);
    const facts = [
      trail.fact(caller, { type: 'session.created', data: { persistent, newDevice: risk.newDevice }, ...who }),
      trail.fact(caller, { type: 'user.login', data: { ...risk, persistent, amr: [...amr] }, ...who }),
      ...(proof.newHash ? [trail.fact(caller, { type: 'password.rehashed', data: {}, ...who })] : []),
    ];
    const input = {
      userId: proof.userId,
      now,
      session: JSON.stringify({ ...row, id, expires_at: expiresAt, salt: salt.toString('hex') }),
      verifiedHash: proof.verifiedHash,
      passwordSetAt: proof.passwordSetAt,
      facts: JSON.stringify(facts),
      deviceKey: deviceKey(needs.pepper, proof.device),
      lockoutKey: proof.lockoutKey,
      newHash: proof.newHash,
    };
    const limit = stricter(config.SESSION_MAX_PER_USER, policy.maxSessions);
    const alert: Alert | null = await prepareAlert(needs, proof, caller, now, id);
    let ended: string[] = [];
    let user: UserRow | undefined;
    if (!alert && limit === 0 && !proof.claim && !proof.also) user = await signInWith(database, input);
    else {
      const queueOver = await needs.post.prepare(...(limit > 0 ? limitLetters(proof, now, limit) : []));
      user = await database
        .transaction(async (sql) => {
          if (proof.claim && !(await proof.claim(sql))) return undefined;
          const signedIn = await signInWith(sql, input);
          if (!signedIn) throw new Stale();
          await proof.also?.(sql, id);
          await alert?.queue(sql);
          if (limit > 0) {
            const oldest = await endOldest(sql, proof.userId, now, limit, id);
            ended = await needs.endings.record(sql, caller, oldest, 'session_limit');
            if (ended.length > 0) await queueOver(sql);
          }
          return signedIn;
        })
        .catch(noSession);
    }
    if (!user) return null;
    if (ended.length > 0) needs.endings.announce(ended);
    trail.committed();
    const granted = await needs.grants.grant({
      session_id: id,
      user_id: proof.userId,
      org_id: orgId,
      client_id: firstPartyClient,
      amr: [...amr],
      authenticated_at: row.authenticated_at,
      expires_at: expiresAt,
      generation: 0,
      salt,
      trusted_device_id: row.trusted_device_id,
      impersonator_id: null,
    });
    return { ...granted, user, delivery: proof.delivery };
  };

  return {
    device: (caller: Caller, input: DeviceInput | null | undefined): { device: Device; key: Buffer } => {
      const device = describeDevice(places, caller, input);
      return { device, key: deviceKey(needs.pepper, device) };
    },
    open,
  };
};

/** The end that every way of signing in shares: a session, its facts, the alert of a new device, the limit on sessions, the tokens. */
import type { Clock, Database, Places, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Letter } from '../letters/model.ts';
import type { Post } from '../letters/post.ts';
import { type Device, type DeviceInput, describeDevice, deviceKey } from '../sessions/device.ts';
import type { Endings } from '../sessions/ending.ts';
import type { Grants } from '../sessions/grant.ts';
import { endOldest } from '../sessions/store.ts';
import type { UserRow } from '../users/read.ts';
import type { SignedIn } from './model.ts';
import { signInWith } from './store.ts';

export type SignInNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  places: Places;
  pepper: Buffer;
  trail: AuditTrail;
  post: Post;
  endings: Endings;
  grants: Grants;
  config: { SESSION_TTL_DAYS: number; SESSION_PERSISTENT_TTL_DAYS: number; SESSION_IDLE_DAYS: number; SESSION_MAX_PER_USER: number };
};

/** Who has proved to be who, and how. */
export type Proof = {
  userId: string;
  email: string | null;
  locale: string | null;
  amr: readonly string[];
  device: Device;
  knownDevice: boolean;
  /** Whether the user has signed in from any device before; the first sign-in is no news. */
  anyDevice: boolean;
  persistent: boolean;
  /** When the password that was verified had been set; null where it was no password. */
  passwordSetAt: Date | null;
  /** The hash it was verified with, and the one that replaces it where its parameters are outdated. */
  verifiedHash: string | null;
  newHash: string | null;
  lockoutKey: Buffer | null;
};

const daySeconds = 86_400;
/** The client this API itself is to a token (RFC 9068 §2.2 asks for a client_id). */
const firstPartyClient = 'latchkey';

export type SignIn = ReturnType<typeof openSignIn>;

export const openSignIn = (needs: SignInNeeds) => {
  const { database, clock, random, trail, config } = needs;

  const newSession = (proof: Proof, caller: Caller, now: Date) => {
    const days = proof.persistent ? config.SESSION_PERSISTENT_TTL_DAYS : config.SESSION_TTL_DAYS;
    return {
      id: random.uuid(now),
      salt: random.bytes(16),
      expiresAt: new Date(now.getTime() + days * daySeconds * 1000),
      row: {
        org_id: null,
        client_id: firstPartyClient,
        at: now,
        idle_seconds: config.SESSION_IDLE_DAYS * daySeconds,
        persistent: proof.persistent,
        amr: proof.amr,
        ip_address: caller.ip,
        user_agent: caller.userAgent?.slice(0, 400) ?? null,
        browser: proof.device.browser,
        os: proof.device.os,
        country: proof.device.country,
        device_name: proof.device.name,
        device_fingerprint: proof.device.fingerprint,
      },
    };
  };

  const lettersOf = (proof: Proof, caller: Caller, now: Date): Letter[] => {
    const { browser, os, country } = proof.device;
    if (!proof.email || proof.knownDevice || !proof.anyDevice) return [];
    const data = { at: now.toISOString(), ip: caller.ip, browser, os, country };
    return [{ name: 'new-device', to: proof.email, locale: proof.locale, data }];
  };

  const limitLetter = (proof: Proof, now: Date): Letter[] =>
    proof.email && config.SESSION_MAX_PER_USER > 0
      ? [
          {
            name: 'session-limit',
            to: proof.email,
            locale: proof.locale,
            data: { at: now.toISOString(), limit: config.SESSION_MAX_PER_USER, browser: proof.device.browser, os: proof.device.os },
          },
        ]
      : [];

  return {
    device: (caller: Caller, input: DeviceInput | null | undefined): { device: Device; key: Buffer } => {
      const device = describeDevice(needs.places, caller, input);
      return { device, key: deviceKey(needs.pepper, device) };
    },
    /** Null where the user is no longer active or the password no longer the one that was verified. */
    open: async (caller: Caller, proof: Proof): Promise<SignedIn | null> => {
      const now = clock.now();
      const { id, salt, expiresAt, row } = newSession(proof, caller, now);
      const who = { actorId: null, subjectId: null, sessionId: id };
      const newDevice = !proof.knownDevice;
      const { persistent } = proof;
      const facts = [
        trail.fact(caller, { type: 'session.created', data: { persistent, newDevice }, ...who }),
        trail.fact(caller, { type: 'user.login', data: { persistent, newDevice }, ...who }),
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
      const [news, over] = [lettersOf(proof, caller, now), limitLetter(proof, now)];
      let ended: string[] = [];
      let user: UserRow | undefined;
      if (news.length === 0 && config.SESSION_MAX_PER_USER === 0) user = await signInWith(database, input);
      else {
        const [queueNews, queueOver] = [await needs.post.prepare(...news), await needs.post.prepare(...over)];
        user = await database.transaction(async (sql) => {
          const row = await signInWith(sql, input);
          if (!row) return undefined;
          await queueNews(sql);
          if (config.SESSION_MAX_PER_USER > 0) {
            const oldest = await endOldest(sql, proof.userId, now, config.SESSION_MAX_PER_USER, id);
            ended = await needs.endings.record(sql, caller, oldest, 'session_limit');
            if (ended.length > 0) await queueOver(sql);
          }
          return row;
        });
      }
      if (!user) return null;
      if (ended.length > 0) needs.endings.announce(ended);
      trail.committed();
      const granted = await needs.grants.grant({
        session_id: id,
        user_id: proof.userId,
        org_id: null,
        client_id: firstPartyClient,
        amr: [...proof.amr],
        authenticated_at: now,
        expires_at: expiresAt,
        generation: 0,
        salt,
      });
      return { ...granted, user };
    },
  };
};

/** Between the first factor and the second: a challenge that carries on what was proved, bound to the client it is given to. */
import { createHmac } from 'node:crypto';
import type { Clock, Database, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import { type Proof, packProof } from '../login/proof.ts';
import { lockActive } from '../passwords/store.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { insertChallenge } from './challenges.ts';
import { challengeSeconds, type MfaType, type UsableConfig, usableTypes } from './model.ts';
import { findOwner } from './store.ts';

export type MfaRequired = {
  readonly kind: 'MfaRequired';
  readonly challengeToken: string;
  readonly methods: readonly MfaType[];
  readonly expiresIn: number;
};
export type SecondFactor = ReturnType<typeof openSecondFactor>;
export type DueNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; pepper: Buffer; config: UsableConfig };

/** What ties a challenge to its client: an HMAC of what that calls itself. */
export const bindingOf = (pepper: Buffer, caller: Caller): Buffer =>
  createHmac('sha256', pepper)
    .update(`challenge\0${caller.userAgent ?? ''}`)
    .digest();

/** `none`: no factor counts, and the first one is all there is. `spent`: what was proved was taken by somebody else, or was wrong after all. */
export const openSecondFactor =
  ({ database, clock, random, trail, pepper, config }: DueNeeds) =>
  async (caller: Caller, proof: Proof): Promise<MfaRequired | 'none' | 'spent'> => {
    const owner = await findOwner(database, proof.userId);
    const methods = owner ? usableTypes(owner, config, proof.amr) : [];
    if (methods.length === 0) return 'none';
    const token = random.bytes(32).toString('base64url');
    const at = clock.now();
    const opened = await database.transaction(async (sql) => {
      if (!(await lockActive(sql, proof.userId))) return false;
      if (proof.claim && !(await proof.claim(sql))) return false;
      await proof.settle?.(sql);
      await insertChallenge(sql, {
        id: random.uuid(at),
        purpose: 'login',
        tokenHash: tokenDigest(token),
        userId: proof.userId,
        sessionId: null,
        binding: bindingOf(pepper, caller),
        proof: packProof(proof),
        challenge: null,
        at,
        expiresAt: new Date(at.getTime() + challengeSeconds * 1000),
      });
      const who = { actorId: null, subjectId: proof.userId, sessionId: null };
      await trail.write(sql, [trail.fact(caller, { type: 'mfa.challenged', data: { purpose: 'login', methods: [...methods] }, ...who })]);
      return true;
    });
    trail.committed();
    if (!opened) return 'spent';
    return { kind: 'MfaRequired', challengeToken: token, methods, expiresIn: challengeSeconds };
  };

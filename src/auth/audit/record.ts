/** How operations state facts: the caller's part is added here, once, for all rooms. */
import type { Clock, Fanout, Random, Sql } from '../../infra/ports.ts';
import type { Client, Identity, Origin } from '../caller.ts';
import type { Fact, FactRow } from './model.ts';
import { writeFacts } from './store.ts';

export type AuditTrail = {
  /** The row of a fact: id and time by the ports, address and request by the caller. Write it in the transaction that makes it true. */
  fact(caller: Origin & { identity?: Identity | null; client?: Client | null }, fact: Fact): FactRow;
  /** Writes facts in the transaction of `sql`. */
  write(sql: Sql, facts: readonly FactRow[]): Promise<void>;
  /** To be called after a commit that wrote facts: wakes the log's readers, here and in other processes. Losable; they also look by themselves. */
  committed(): void;
};

/** The topic on which processes tell each other that the log has grown. */
export const logTopic = 'log.grown';

/** `committed` is told to the fan-out at most once per turn of the event loop. */
export const openTrail = (needs: { clock: Clock; random: Random; fanout: Fanout }): AuditTrail => {
  let told = false;
  return {
    fact: (caller, fact) => {
      const at = needs.clock.now();
      const actorId = fact.actorId === undefined ? (caller.identity?.userId ?? null) : fact.actorId;
      const apiKeyId = caller.identity?.apiKeyId ?? null;
      return {
        id: needs.random.uuid(at),
        type: fact.type,
        occurred_at: at,
        outcome: fact.outcome ?? 'SUCCESS',
        actor_id: actorId,
        actor_client: fact.actorClient ?? caller.client?.clientId ?? apiKeyId,
        impersonator_id: fact.impersonatorId === undefined ? (caller.identity?.impersonatorId ?? null) : fact.impersonatorId,
        subject_id: fact.subjectId === undefined ? actorId : fact.subjectId,
        org_id: fact.orgId === undefined ? (caller.identity?.orgId ?? null) : fact.orgId,
        session_id: fact.sessionId === undefined ? (apiKeyId ? null : (caller.identity?.sessionId ?? null)) : fact.sessionId,
        resource: fact.resource ?? null,
        ip_address: caller.ip,
        user_agent: caller.userAgent?.slice(0, 400) ?? null,
        request_id: caller.requestId,
        data: fact.data,
      };
    },
    write: writeFacts,
    committed: () => {
      if (told) return;
      told = true;
      setImmediate(() => {
        told = false;
        needs.fanout.publish(logTopic, 1);
      });
    },
  };
};

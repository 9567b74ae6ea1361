/** What one operation left behind, all of it: so that a refusal's test sees that nothing else happened. */
import type { SealedLetter } from '../../src/auth/letters/post.ts';
import type { World } from './world.ts';

export type Changes = {
  /** The types of the facts, in their order; of refusals with the reason, as `user.login_failed InvalidCredentials`. */
  facts: string[];
  sessionsOpened: number;
  sessionsEnded: number;
  /** `<name> to <address>` of each letter that was queued, sent since or not. */
  letters: string[];
};
export const nothing: Changes = { facts: [], sessionsOpened: 0, sessionsEnded: 0, letters: [] };
export type Watch = <T>(work: () => Promise<T>) => Promise<{ answer: T; changed: Changes }>;

type Fact = { type: string; outcome: string; data: { reason?: string } };
type Mark = { seq: string; letter: string; sessions: string; ended: string };

/** The house's own doing (sweeps by the clock) is left out. One operation at a time. */
export const watchChanges = async (world: World): Promise<Watch> => {
  // Sent letters leave the queue, so they are noted as they enter it.
  await world.sql('CREATE TABLE IF NOT EXISTS letters_seen (id bigserial, payload json)');
  await world.sql(`CREATE OR REPLACE FUNCTION see_letter() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO letters_seen (payload) VALUES (NEW.payload); RETURN NEW; END $$`);
  await world.sql(`CREATE OR REPLACE TRIGGER see_letter AFTER INSERT ON graphile_worker._private_jobs FOR EACH ROW
    WHEN ((NEW.payload->>'sealed') IS NOT NULL) EXECUTE FUNCTION see_letter()`);
  const now = async (): Promise<Mark> => {
    const [mark] = await world.sql<Mark>(`SELECT (SELECT coalesce(max(seq), 0) FROM audit_events)::text AS seq,
      (SELECT coalesce(max(id), 0) FROM letters_seen)::text AS letter, (SELECT count(*) FROM sessions)::text AS sessions,
      (SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL AND revoked_reason NOT IN ('expired', 'idle'))::text AS ended`);
    return mark!;
  };
  return async (work) => {
    const before = await now();
    const answer = await work();
    const after = await now();
    const facts = await world.sql<Fact>(
      `SELECT type, outcome, data FROM audit_events WHERE seq > $1 AND request_id IS DISTINCT FROM 'sweeper' ORDER BY tx, seq`,
      [before.seq],
    );
    const queued = await world.sql<{ payload: SealedLetter }>('SELECT payload FROM letters_seen WHERE id > $1 ORDER BY id', [
      before.letter,
    ]);
    const letters = await Promise.all(queued.map(({ payload }) => world.house.auth.letters.open(payload)));
    return {
      answer,
      changed: {
        facts: facts.map(({ type, outcome, data }) => (outcome === 'FAILURE' ? `${type} ${data.reason}` : type)),
        sessionsOpened: Number(after.sessions) - Number(before.sessions),
        sessionsEnded: Number(after.ended) - Number(before.ended),
        letters: letters.map(({ name, to }) => `${name} to ${to}`),
      },
    };
  };
};

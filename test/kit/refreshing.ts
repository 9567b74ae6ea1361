/** The life of a session, seen from its client. */
import type { World } from './world.ts';
import { refreshMutation } from './world.ts';

/** What the API answers to a refresh with `refreshToken`. */
export const refreshWith = async (world: Pick<World, 'anonymous'>, refreshToken: string, input: object = {}) => {
  const { data, errors } = await world.anonymous.ask(refreshMutation, { input: { refreshToken, ...input } });
  if (!data?.refresh) throw new Error(`refresh failed: ${JSON.stringify(errors)}`);
  return data.refresh as {
    __typename: string;
    accessToken: string;
    refreshToken: string;
    expiresIn: number;
    session: { id: string };
    reason?: string;
  };
};

/** Uses the access token as a client does, which the house remembers; who answers. */
export const useToken = async (world: Pick<World, 'anonymous'>, accessToken: string): Promise<string> => {
  const { data, errors } = await world.anonymous.as(accessToken).ask('{ me { id } }');
  return errors?.[0]?.extensions.code ?? data.me.id;
};

/** 'accepted', or the code it is denied with, without using it. */
export const judged = (world: Pick<World, 'house'>, accessToken: string): Promise<string> =>
  world.house.auth.services.authenticate(accessToken).then(
    () => 'accepted',
    (denial: { code?: string }) => denial.code ?? String(denial),
  );

export type SessionRow = {
  generation: number;
  seen_generation: number;
  revoked_at: Date | null;
  revoked_reason: string | null;
  last_seen_at: Date;
  expires_at: Date;
  ip_address: string | null;
};
/** The session as PostgreSQL has it. */
export const sessionRow = async (world: Pick<World, 'sql'>, sessionId: string): Promise<SessionRow> => {
  const [row] = await world.sql<SessionRow>('SELECT * FROM sessions WHERE id = $1', [sessionId]);
  if (!row) throw new Error(`there is no session ${sessionId}`);
  return row;
};

/** How many facts of the type a session has. */
export const factsOfSession = async (world: Pick<World, 'sql'>, sessionId: string, type: string): Promise<number> => {
  const [row] = await world.sql<{ n: string }>('SELECT count(*) AS n FROM audit_events WHERE session_id = $1 AND type = $2', [
    sessionId,
    type,
  ]);
  return Number(row?.n);
};

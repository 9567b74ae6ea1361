/** What the caches of this process make of the log's news; the back door calls it a few times a second. */
import type { Clock } from '../infra/ports.ts';
import type { Permissions } from './access/permissions.ts';
import type { News } from './audit/news.ts';
import type { Revoked } from './sessions/revoked.ts';
import type { KeyRing } from './tokens/keys.ts';

/** The session, client, token or key that a fact ends; null where it ends none. */
const endedBy = ({ type, session_id: sessionId, resource }: News): string | null => {
  if (type.startsWith('session.')) return sessionId;
  return /^(service_client|api_key)\./.test(type) ? (resource?.split(':')[1] ?? null) : null;
};

export const hearNews = (needs: {
  readNews: () => Promise<News[]>;
  clock: Clock;
  revoked: Pick<Revoked, 'caughtUp'>;
  permissions: Pick<Permissions, 'caughtUp' | 'changed' | 'changedIn' | 'forgetIn'>;
  keys: Pick<KeyRing, 'reload'>;
}) => {
  // Each look reaches back over the one before it: what was heard then is no news. None at first: what happened between this process's reading
  // of the keys and its first look is.
  let known = new Set<string>();
  return async (): Promise<void> => {
    const askedAt = needs.clock.now();
    const news = await needs.readNews();
    const ended = news.flatMap((fact) => endedBy(fact) ?? []);
    needs.revoked.caughtUp(ended, askedAt);
    const fresh = news.filter((fact) => !known.has(fact.id));
    for (const fact of fresh)
      if (fact.type === 'role.updated') needs.permissions.changedIn(fact.org_id);
      // Its settings are compiled with what members may, and no stream was opened on them.
      else if (fact.type === 'organization.updated') needs.permissions.forgetIn(fact.org_id);
      else if (fact.subject_id && /^(role|user|permission|organization)\./.test(fact.type)) needs.permissions.changed(fact.subject_id);
    needs.permissions.caughtUp(askedAt);
    if (fresh.some((fact) => fact.type === 'key.rotated')) await needs.keys.reload();
    known = new Set(news.map((fact) => fact.id));
  };
};

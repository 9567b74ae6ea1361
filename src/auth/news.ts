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
  permissions: Pick<Permissions, 'forget'>;
  keys: Pick<KeyRing, 'reload'>;
}) => {
  // None at first: a rotation between this process's reading of the keys and its first look is news too.
  let rotations = new Set<string>();
  return async (): Promise<void> => {
    const askedAt = needs.clock.now();
    const news = await needs.readNews();
    const ended = news.flatMap((fact) => endedBy(fact) ?? []);
    needs.revoked.caughtUp(ended, askedAt);
    for (const fact of news) if (fact.subject_id && /^(role|user)\./.test(fact.type)) needs.permissions.forget(fact.subject_id);
    const heard = new Set(news.flatMap((fact) => (fact.type === 'key.rotated' ? [fact.id] : [])));
    if ([...heard].some((id) => !rotations.has(id))) await needs.keys.reload();
    rotations = heard;
  };
};

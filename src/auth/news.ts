/** What the caches of this process make of the log's news; the back door calls it a few times a second. */
import type { Permissions } from './access/permissions.ts';
import type { News } from './audit/news.ts';
import type { Revoked } from './sessions/revoked.ts';
import type { KeyRing } from './tokens/keys.ts';

export const hearNews = (needs: { readNews: () => Promise<News[]>; revoked: Revoked; permissions: Permissions; keys: KeyRing }) => {
  let knownRotations = -1;
  return async (): Promise<void> => {
    const news = await needs.readNews();
    needs.revoked.caughtUp(news.flatMap((fact) => (fact.type.startsWith('session.') && fact.session_id ? [fact.session_id] : [])));
    for (const fact of news) if (fact.subject_id && /^(role|user)\./.test(fact.type)) needs.permissions.forget(fact.subject_id);
    const rotations = news.filter((fact) => fact.type === 'key.rotated').length;
    if (knownRotations >= 0 && rotations > knownRotations) await needs.keys.reload();
    knownRotations = rotations;
  };
};

/** The pair of tokens that speaks for a session as it stands: given at sign-in and at refresh. */
import type { Clock } from '../../infra/ports.ts';
import type { SignedIn } from '../login/model.ts';
import type { AccessTokens } from '../tokens/access-token.ts';
import { writeRefreshToken } from '../tokens/refresh-token.ts';
import type { Granted } from './model.ts';

export type Grants = ReturnType<typeof openGrants>;

export const openGrants = (needs: {
  clock: Clock;
  accessTokens: AccessTokens;
  refreshSecret: Buffer;
  permissionsOf: (userId: string) => Promise<ReadonlySet<string>>;
}) => ({
  grant: async (session: Granted): Promise<SignedIn> => {
    const { token, expiresIn } = needs.accessTokens.sign({
      userId: session.user_id,
      sessionId: session.session_id,
      orgId: session.org_id,
      scopes: await needs.permissionsOf(session.user_id),
      amr: session.amr,
      authenticatedAt: session.authenticated_at,
      clientId: session.client_id,
      generation: session.generation,
      sessionEndsAt: session.expires_at,
    });
    return {
      kind: 'SignedIn',
      accessToken: token,
      expiresIn,
      refreshToken: writeRefreshToken(needs.refreshSecret, session.salt, session.session_id, session.generation),
      sessionSeconds: Math.max(0, Math.floor((session.expires_at.getTime() - needs.clock.now().getTime()) / 1000)),
      userId: session.user_id,
      sessionId: session.session_id,
    };
  },
});

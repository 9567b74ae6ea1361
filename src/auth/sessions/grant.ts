/** The pair of tokens that speaks for a session as it stands: given at sign-in and at refresh. */
import type { Clock } from '../../infra/ports.ts';
import type { SignedIn } from '../login/model.ts';
import type { Requirement } from '../mfa/requirement.ts';
import type { AccessTokens } from '../tokens/access-token.ts';
import { writeRefreshToken } from '../tokens/refresh-token.ts';
import type { Granted } from './model.ts';

export type Grants = ReturnType<typeof openGrants>;

export const openGrants = (needs: {
  clock: Clock;
  accessTokens: AccessTokens;
  refreshSecret: Buffer;
  /** On the platform, and in the organization that the session speaks for. */
  scopesOf: (userId: string, orgId: string | null) => Promise<Iterable<string>>;
  isMember: (userId: string, orgId: string) => Promise<boolean>;
  mayActAs: (adminId: string, userId: string) => Promise<boolean>;
  requirement: Requirement;
}) => {
  const { requirement } = needs;
  /** Where a second factor is required and none has been given, nor a trusted device stood for it, a token is good for nothing but that. */
  const isRestricted = async (session: Granted): Promise<boolean> =>
    requirement.ever &&
    !session.amr.includes('mfa') &&
    session.trusted_device_id === null &&
    (await requirement.of(session.user_id, session.org_id));

  /** What an administrator may act as no more says nothing of what its user may, to services that verify by themselves. */
  const isWithin = async ({ impersonator_id: adminId, user_id: userId }: Granted): Promise<boolean> =>
    adminId === null || needs.mayActAs(adminId, userId);

  const accessToken = async (session: Granted): Promise<{ accessToken: string; expiresIn: number; restricted: boolean }> => {
    const restricted = await isRestricted(session);
    // A sign-in may cross with a removal: its session then names an organization that its user has left.
    const orgId = session.org_id !== null && (await needs.isMember(session.user_id, session.org_id)) ? session.org_id : null;
    const { token, expiresIn } = needs.accessTokens.sign({
      userId: session.user_id,
      sessionId: session.session_id,
      orgId,
      scopes: restricted || !(await isWithin(session)) ? [] : await needs.scopesOf(session.user_id, orgId),
      amr: session.amr,
      authenticatedAt: session.authenticated_at,
      clientId: session.client_id,
      generation: session.generation,
      sessionEndsAt: session.expires_at,
      restricted,
      impersonatorId: session.impersonator_id,
    });
    return { accessToken: token, expiresIn, restricted };
  };

  return {
    /** A new access token for the session, and no refresh token. */
    accessToken,
    grant: async (session: Granted): Promise<SignedIn> => ({
      kind: 'SignedIn',
      ...(await accessToken(session)),
      refreshToken: writeRefreshToken(needs.refreshSecret, session.salt, session.session_id, session.generation),
      sessionSeconds: Math.max(0, Math.floor((session.expires_at.getTime() - needs.clock.now().getTime()) / 1000)),
      userId: session.user_id,
      sessionId: session.session_id,
    }),
  };
};

/** Callers made by hand, for what no HTTP request can be made to say (another network, another device). */
import type { Caller, SignedInCaller } from '../../src/auth/caller.ts';
import type { World } from './world.ts';

/** Somebody without a token, from `network`. */
export const stranger = (network = '203.0.113.7', given: Partial<Caller> = {}): Caller => ({
  ip: network,
  network,
  userAgent: null,
  requestId: 'request-1',
  identity: null,
  client: null,
  csrfHeader: false,
  refreshCookie: null,
  deviceCookie: null,
  permissions: new Set(),
  ...given,
});

/** The caller that the front door would make of the access token. Unlike a request it does not count as a use of the session. */
export const callerOf = async (world: Pick<World, 'house'>, accessToken: string): Promise<SignedInCaller> => {
  const { services, access } = world.house.auth;
  const { identity } = await services.authenticate(accessToken);
  if (!identity) throw new Error('the token is no person’s');
  return { ...stranger(), identity, permissions: await access.permissionsOf(identity.userId) };
};

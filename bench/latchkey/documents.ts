/** What a client of Latchkey asks for where one of better-auth uses the endpoint named. */
export const documents = {
  /** get-session */
  me: '{ me { id email name emailVerified createdAt } }',
  /** list-sessions */
  sessions: '{ sessions(first: 10) { edges { node { id createdAt lastSeenAt expiresAt ipAddress userAgent current } } } }',
  /** get-session with `updateAge: 0` */
  refresh:
    'mutation ($input: RefreshInput) { refresh(input: $input) { __typename ... on SignedIn { accessToken refreshToken expiresIn } } }',
  /** sign-in/email */
  login: `mutation ($input: LoginInput!) { login(input: $input) { __typename ... on SignedIn {
    accessToken refreshToken expiresIn user { id email name emailVerified createdAt } } } }`,
  checkPermission: 'query ($input: PermissionCheckInput!) { checkPermission(input: $input) { allowed } }',
  sessionEvents: 'subscription ($userId: ID) { sessionEvents(userId: $userId) { id type occurredAt session { id } } }',
} as const;

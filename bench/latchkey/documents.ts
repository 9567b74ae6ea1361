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
  users: `query ($after: String, $filter: UserFilter) { users(after: $after, filter: $filter) {
    pageInfo { hasNextPage endCursor } edges { node { id email name status createdAt } } } }`,
  usersCounted: '{ users { totalCount pageInfo { hasNextPage endCursor } edges { node { id email name status createdAt } } } }',
  members: `query ($orgId: ID!, $after: String, $filter: OrgMemberFilter) { orgMembers(orgId: $orgId, after: $after, filter: $filter) {
    pageInfo { hasNextPage endCursor } edges { node { user { id email name } role { name } joinedAt lastActiveAt } } } }`,
  membersCounted: `query ($orgId: ID!) { orgMembers(orgId: $orgId) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { user { id email name } role { name } joinedAt lastActiveAt } } } }`,
  sessionEvents: 'subscription ($userId: ID) { sessionEvents(userId: $userId) { id type occurredAt session { id } } }',
} as const;

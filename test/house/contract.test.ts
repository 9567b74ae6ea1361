/** The root fields that are promised so far stand in schema.graphql with the arguments and types of the contract. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildASTSchema, isObjectType, parse } from 'graphql';
import { describe, expect, it } from 'vitest';

const sdl = readFileSync(fileURLToPath(new URL('../../schema.graphql', import.meta.url)), 'utf8');
const schema = buildASTSchema(parse(sdl), { assumeValidSDL: true });

const promised: Record<string, Record<string, string>> = {
  Query: {
    me: 'me: User',
    user: 'user(id: ID!): User',
    users: 'users(after: String, before: String, filter: UserFilter, first: Int, last: Int): UserConnection!',
    roles: 'roles(orgId: ID): [Role!]!',
    permissions: 'permissions: [Permission!]!',
    sessions: 'sessions(after: String, before: String, first: Int, includeEnded: Boolean, last: Int, userId: ID): SessionConnection!',
    orgMembers:
      'orgMembers(after: String, before: String, filter: OrgMemberFilter, first: Int, last: Int, orgId: ID!): OrgMemberConnection!',
    organization: 'organization(id: ID, slug: String): Organization',
    checkPermission: 'checkPermission(input: PermissionCheckInput!): PermissionDecision!',
    checkPermissions: 'checkPermissions(inputs: [PermissionCheckInput!]!): [PermissionDecision!]!',
    auditEvents: 'auditEvents(after: String, before: String, filter: AuditEventFilter, first: Int, last: Int): AuditEventConnection!',
    auditExport: 'auditExport(id: ID!): AuditExport',
    verifyAuditTrail: 'verifyAuditTrail(from: DateTime, to: DateTime): AuditVerification!',
    serviceInfo: 'serviceInfo: ServiceInfo!',
    serviceClients: 'serviceClients: [ServiceClient!]!',
    apiKeys: 'apiKeys: [ApiKey!]!',
    introspectToken: 'introspectToken(token: String!): TokenIntrospection!',
    tradingAccounts: 'tradingAccounts(after: String, before: String, first: Int, last: Int): TradingAccountConnection!',
    tradingAccount: 'tradingAccount(id: ID!): TradingAccount',
    webhooks: 'webhooks(orgId: ID): [WebhookEndpoint!]!',
  },
  Mutation: {
    register: 'register(input: RegisterInput!): RegisterResult!',
    verifyEmail: 'verifyEmail(input: VerifyEmailInput!): VerifyEmailResult!',
    resendVerification: 'resendVerification(input: EmailInput!): MailResult!',
    login: 'login(input: LoginInput!): LoginResult!',
    refresh: 'refresh(input: RefreshInput): RefreshResult!',
    logout: 'logout: LogoutResult!',
    revokeSession: 'revokeSession(input: RevokeSessionInput!): LogoutResult!',
    revokeSessions: 'revokeSessions(input: RevokeSessionsInput): LogoutResult!',
    requestPasswordReset: 'requestPasswordReset(input: EmailInput!): MailResult!',
    resetPassword: 'resetPassword(input: ResetPasswordInput!): PasswordResult!',
    changePassword: 'changePassword(input: ChangePasswordInput!): PasswordResult!',
    updateProfile: 'updateProfile(input: UpdateProfileInput!): UserResult!',
    exportMyData: 'exportMyData: AuditExportResult!',
    exportAuditEvents: 'exportAuditEvents(input: ExportAuditInput!): AuditExportResult!',
    deleteAccount: 'deleteAccount(input: DeleteAccountInput!): DeleteAccountResult!',
    setupMfa: 'setupMfa(input: SetupMfaInput!): SetupMfaResult!',
    confirmMfa: 'confirmMfa(input: ConfirmMfaInput!): ConfirmMfaResult!',
    challengeMfa: 'challengeMfa(input: ChallengeMfaInput!): ChallengeMfaResult!',
    verifyMfa: 'verifyMfa(input: VerifyMfaInput!): VerifyMfaResult!',
    stepUp: 'stepUp(input: StepUpInput!): StepUpResult!',
    disableMfa: 'disableMfa(input: DisableMfaInput!): DisableMfaResult!',
    regenerateBackupCodes: 'regenerateBackupCodes: BackupCodesResult!',
    passkeyOptions: 'passkeyOptions(input: PasskeyOptionsInput): PasskeyOptions!',
    loginWithPasskey: 'loginWithPasskey(input: PasskeyLoginInput!): LoginResult!',
    requestMagicLink: 'requestMagicLink(input: EmailInput!): MailResult!',
    loginWithMagicLink: 'loginWithMagicLink(input: MagicLinkLoginInput!): LoginResult!',
    createOrganization: 'createOrganization(input: CreateOrganizationInput!): OrganizationResult!',
    updateOrganization: 'updateOrganization(input: UpdateOrganizationInput!): OrganizationResult!',
    inviteMember: 'inviteMember(input: InviteMemberInput!): InvitationResult!',
    revokeInvitation: 'revokeInvitation(invitationId: ID!): DeleteResult!',
    acceptInvitation: 'acceptInvitation(input: AcceptInvitationInput!): OrgMemberResult!',
    addMember: 'addMember(input: OrgMemberInput!): OrgMemberResult!',
    removeMember: 'removeMember(input: RemoveMemberInput!): RemoveMemberResult!',
    updateMemberRole: 'updateMemberRole(input: OrgMemberInput!): OrgMemberResult!',
    transferOwnership: 'transferOwnership(input: TransferOwnershipInput!): OrganizationResult!',
    switchOrganization: 'switchOrganization(orgId: ID!): RefreshResult!',
    grantPermission: 'grantPermission(input: GrantPermissionInput!): GrantResult!',
    revokePermission: 'revokePermission(input: RevokePermissionInput!): DeleteResult!',
    createUser: 'createUser(input: CreateUserInput!): UserResult!',
    adminUpdateUser: 'adminUpdateUser(input: AdminUpdateUserInput!): UserResult!',
    activateUser: 'activateUser(input: AdminUserInput!): UserResult!',
    deactivateUser: 'deactivateUser(input: AdminUserInput!): UserResult!',
    unlockUser: 'unlockUser(input: AdminUserInput!): UserResult!',
    deleteUser: 'deleteUser(input: AdminUserInput!): DeleteAccountResult!',
    impersonate: 'impersonate(input: ImpersonateInput!): RefreshResult!',
    importUsers: 'importUsers(input: ImportUsersInput!): ImportUsersResult!',
    cleanupSessions: 'cleanupSessions: SessionsCleaned!',
    assignRole: 'assignRole(input: AssignRoleInput!): UserResult!',
    unassignRole: 'unassignRole(input: AssignRoleInput!): UserResult!',
    rotateSigningKey: 'rotateSigningKey: Boolean!',
    createServiceClient: 'createServiceClient(input: CreateServiceClientInput!): ServiceClientResult!',
    rotateServiceClientSecret: 'rotateServiceClientSecret(input: ServiceClientInput!): ServiceClientResult!',
    deleteServiceClient: 'deleteServiceClient(input: ServiceClientInput!): DeleteResult!',
    createApiKey: 'createApiKey(input: CreateApiKeyInput!): ApiKeyResult!',
    deleteApiKey: 'deleteApiKey(input: ApiKeyInput!): DeleteResult!',
    startOAuth: 'startOAuth(input: StartOAuthInput!): StartOAuthResult!',
    completeOAuth: 'completeOAuth(input: CompleteOAuthInput!): LoginResult!',
    unlinkIdentity: 'unlinkIdentity(input: UnlinkIdentityInput!): UserResult!',
    linkTradingAccount: 'linkTradingAccount(input: LinkTradingAccountInput!): TradingAccountResult!',
    updateTradingAccount: 'updateTradingAccount(input: UpdateTradingAccountInput!): TradingAccountResult!',
    verifyTradingAccount: 'verifyTradingAccount(input: TradingAccountInput!): TradingAccountResult!',
    rotateTradingCredentials: 'rotateTradingCredentials(input: RotateTradingCredentialsInput!): TradingAccountResult!',
    revealTradingCredentials: 'revealTradingCredentials(input: TradingAccountInput!): TradingCredentialsResult!',
    shareTradingAccount: 'shareTradingAccount(input: ShareTradingAccountInput!): TradingAccountResult!',
    unshareTradingAccount: 'unshareTradingAccount(input: UnshareTradingAccountInput!): TradingAccountResult!',
    unlinkTradingAccount: 'unlinkTradingAccount(input: TradingAccountInput!): DeleteResult!',
    createWebhook: 'createWebhook(input: CreateWebhookInput!): WebhookResult!',
    deleteWebhook: 'deleteWebhook(input: WebhookInput!): DeleteResult!',
    redeliverWebhook: 'redeliverWebhook(input: RedeliverInput!): RedeliverResult!',
  },
  Subscription: {
    sessionEvents: 'sessionEvents(after: String, orgId: ID, userId: ID): SessionEvent!',
    auditEvents: 'auditEvents(after: String, filter: AuditEventFilter): AuditEvent!',
  },
};

describe('the contract', () => {
  for (const [root, fields] of Object.entries(promised))
    it.each(Object.entries(fields))(`keeps ${root}.%s`, (name, signature) => {
      const type = schema.getType(root);
      const field = isObjectType(type) ? type.getFields()[name] : undefined;
      const args = field?.args.map((arg) => `${arg.name}: ${arg.type}`).sort();
      expect(field && `${name}${args?.length ? `(${args.join(', ')})` : ''}: ${field.type}`).toBe(signature);
    });

  it('names every refusal as a Problem with a code', () => {
    const problems = Object.values(schema.getTypeMap()).filter(
      (type) => isObjectType(type) && type.getInterfaces().some((of) => of.name === 'Problem'),
    );
    expect(problems.length).toBe(26);
  });
});

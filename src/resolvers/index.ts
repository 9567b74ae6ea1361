/** Closes the graph: every noun and every verb, as a Federation 2 subgraph. codegen.ts reads it here. */
import { builder } from '../schema/builder.ts';
import '../schema/index.ts';
import './users.ts';
import './passwords.ts';
import './login.ts';
import './passwordless.ts';
import './identities.ts';
import './mfa.ts';
import './access.ts';
import './org-members.ts';
import './organizations.ts';
import './sessions.ts';
import './roles.ts';
import './administration.ts';
import './impersonation.ts';
import './audit.ts';
import './exports.ts';
import './tokens.ts';
import './services.ts';
import './trading-accounts.ts';
import './trading-shares.ts';
import './webhooks.ts';
import './service.ts';

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});

export const schema = builder.toSubGraphSchema({
  linkUrl: 'https://specs.apollo.dev/federation/v2.5',
  federationDirectives: ['@key', '@authenticated', '@requiresScopes'],
});

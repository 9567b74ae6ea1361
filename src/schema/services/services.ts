/** The nouns of services, what callers give the room, and how its operations end. */
import type { Services } from '../../auth/services/index.ts';
import type { TokenIntrospection as Introspection } from '../../auth/services/introspect.ts';
import type { ServiceClient as Client, ApiKey as Key } from '../../auth/services/model.ts';
import { builder, Node } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

export const ServiceClient = builder.objectRef<Client>('ServiceClient').implement({
  description: 'A program that calls on its own behalf: OAuth 2.0 client credentials at POST /oauth/token. Its id is its client_id.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    permissions: t.stringList({ resolve: (client) => [...client.permissions] }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true, description: 'When it last got a token.' }),
    disabledAt: t.expose('disabledAt', { type: 'DateTime', nullable: true, description: 'Null as long as it may have tokens.' }),
  }),
});
export const ApiKey = builder.objectRef<Key>('ApiKey').implement({
  description: 'A key by which programs call in its owner’s name: Authorization: Bearer lk_…',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    prefix: t.exposeString('prefix', { description: 'What the key begins with.' }),
    permissions: t.stringList({ resolve: (key) => [...key.permissions] }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true, description: 'To the minute.' }),
  }),
});
export const TokenIntrospection = builder.objectRef<Introspection>('TokenIntrospection').implement({
  description: 'RFC 7662, for services.',
  fields: (t) => ({
    active: t.exposeBoolean('active'),
    sub: t.exposeID('sub', { nullable: true }),
    sid: t.exposeID('sid', { nullable: true }),
    org: t.exposeID('org', { nullable: true }),
    scope: t.exposeString('scope', { nullable: true }),
    clientId: t.exposeString('clientId', { nullable: true }),
    exp: t.exposeInt('exp', { nullable: true }),
    iat: t.exposeInt('iat', { nullable: true }),
    amr: t.stringList({ nullable: true, resolve: ({ amr }) => amr && [...amr] }),
  }),
});

export const CreateServiceClientInput = builder.inputType('CreateServiceClientInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    permissions: t.stringList({ required: true, description: 'Only such as the caller holds.' }),
    jwks: t.field({ type: 'JSON', description: 'Public keys of the client (RFC 7517 §5), to prove itself by private_key_jwt.' }),
  }),
});
export const ServiceClientInput = builder.inputType('ServiceClientInput', { fields: (t) => ({ clientId: t.id({ required: true }) }) });
export const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    permissions: t.stringList({
      required: true,
      description: 'Only such as the caller holds; they count as long as the owner holds them.',
    }),
    expiresAt: t.field({ type: 'DateTime' }),
  }),
});
export const ApiKeyInput = builder.inputType('ApiKeyInput', { fields: (t) => ({ apiKeyId: t.id({ required: true }) }) });

type Made = Extract<OutcomeOf<Services['createClient']>, { kind: 'ServiceClientCreated' }>;
export const ServiceClientCreated = builder.objectRef<Made>('ServiceClientCreated').implement({
  fields: (t) => ({
    client: t.expose('client', { type: ServiceClient }),
    clientSecret: t.exposeString('clientSecret', {
      description: 'Shown once. After a rotation the one before it counts for 24 hours more.',
    }),
  }),
});
type KeyMade = Extract<OutcomeOf<Services['createApiKey']>, { kind: 'ApiKeyCreated' }>;
export const ApiKeyCreated = builder.objectRef<KeyMade>('ApiKeyCreated').implement({
  fields: (t) => ({
    apiKey: t.expose('apiKey', { type: ApiKey }),
    key: t.exposeString('key', { description: 'Shown once.' }),
  }),
});

const { NotFound, InvalidInput, QuotaExceeded } = problems;
export const ServiceClientResult = resultUnion<OutcomeOf<Services['createClient'] | Services['rotateSecret']>>('ServiceClientResult', {
  ServiceClientCreated,
  NotFound,
  InvalidInput,
});
export const ApiKeyResult = resultUnion<OutcomeOf<Services['createApiKey']>>('ApiKeyResult', {
  ApiKeyCreated,
  InvalidInput,
  QuotaExceeded,
});

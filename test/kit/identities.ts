/** Sign-in with a provider as a client does it. */
import type { Client } from './client.ts';
import type { LocalProvider, ProviderPerson } from './provider.ts';

export const redirectUri = 'https://app.example.com/callback';
/** The settings of one provider of this name. */
export const settingsOf = (provider: LocalProvider, name = 'TEST'): Record<string, string> => ({
  [`OAUTH_${name}_CLIENT_ID`]: provider.clientId,
  [`OAUTH_${name}_CLIENT_SECRET`]: provider.clientSecret,
  [`OAUTH_${name}_ISSUER`]: provider.issuer,
  OAUTH_REDIRECT_URIS: `${redirectUri},com.example.app:/callback`,
});

const problem = '__typename ... on Problem { code message }';
export const startMutation = `mutation ($input: StartOAuthInput!) { startOAuth(input: $input) { ${problem} ... on InvalidInput { field } ... on OAuthStart { authorizationUrl state } } }`;
export const completeMutation = `mutation ($input: CompleteOAuthInput!) { completeOAuth(input: $input) { ${problem}
  ... on OAuthFailed { error } ... on TooManyAttempts { retryAfterSeconds } ... on MfaRequired { challengeToken methods }
  ... on SignedIn { accessToken refreshToken user { id email emailVerified name identities { id provider subject email } } session { id current amr authenticatedAt } } } }`;
export const unlinkMutation = `mutation ($input: UnlinkIdentityInput!) { unlinkIdentity(input: $input) { ${problem}
  ... on User { id identities { id } } } }`;

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape
type Any = any;
/** The outcome, or the denial's code in place of its type. */
const outcomeOf = async (client: Client, mutation: string, input: object): Promise<Any> => {
  const { data, errors } = await client.ask(mutation, { input });
  return errors?.[0] ? { __typename: errors[0].extensions.code, message: errors[0].message } : Object.values(data)[0];
};
export const start = (client: Client, input: object = {}): Promise<Any> =>
  outcomeOf(client, startMutation, { provider: 'test', redirectUri, ...input });
export const complete = (client: Client, input: object): Promise<Any> =>
  outcomeOf(client, completeMutation, { provider: 'test', ...input });
export const unlink = (client: Client, identityId: string): Promise<Any> => outcomeOf(client, unlinkMutation, { identityId });

/** Begins, goes to the provider and comes back: with what `complete` is given. */
export const comeBack = async (client: Client, provider: LocalProvider, person: ProviderPerson, input: object = {}) => {
  const begun = await start(client, input);
  if (begun.__typename !== 'OAuthStart') throw new Error(`not begun: ${JSON.stringify(begun)}`);
  const { code, state } = provider.authorize(begun.authorizationUrl, person);
  if (state !== begun.state) throw new Error('another state came back');
  return { code, state };
};
/** The whole of it. */
export const signInBy = async (client: Client, provider: LocalProvider, person: ProviderPerson, input: object = {}): Promise<Any> =>
  complete(client, { ...(await comeBack(client, provider, person)), ...input });
export const identitiesOf = async (client: Client): Promise<Any[]> =>
  (await client.ask('{ me { identities { id provider subject email linkedAt } } }')).data.me.identities;

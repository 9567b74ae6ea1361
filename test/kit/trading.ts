/** Trading accounts as their owners have them. */
import type { Client } from './client.ts';
import type { KiteUser } from './kite.ts';

const problem =
  '__typename ... on Problem { code message } ... on InvalidInput { field } ... on QuotaExceeded { limit } ... on BrokerUnavailable { retryAfterSeconds }';
export const accountFields = `id broker brokerUserId nickname preferences status apiKeyHint linkedAt lastVerifiedAt credentialsRotatedAt owner { id }
  shares { user { id } access grantedAt expiresAt } services { clientId name grantedAt expiresAt }`;
const ofAccount = (name: string, input: string) =>
  `mutation ($input: ${input}!) { ${name}(input: $input) { ${problem} ... on TradingAccount { ${accountFields} } } }`;

export const tradingMutations = {
  linkTradingAccount: ofAccount('linkTradingAccount', 'LinkTradingAccountInput'),
  updateTradingAccount: ofAccount('updateTradingAccount', 'UpdateTradingAccountInput'),
  verifyTradingAccount: ofAccount('verifyTradingAccount', 'TradingAccountInput'),
  rotateTradingCredentials: ofAccount('rotateTradingCredentials', 'RotateTradingCredentialsInput'),
  shareTradingAccount: ofAccount('shareTradingAccount', 'ShareTradingAccountInput'),
  unshareTradingAccount: ofAccount('unshareTradingAccount', 'UnshareTradingAccountInput'),
  revealTradingCredentials: `mutation ($input: TradingAccountInput!) { revealTradingCredentials(input: $input) { ${problem.replace(/ \.\.\. on I.*/, '')}
    ... on TradingCredentials { accountId apiKey apiSecret accessToken } } }`,
  unlinkTradingAccount:
    'mutation ($input: TradingAccountInput!) { unlinkTradingAccount(input: $input) { __typename ... on Deleted { id } ... on Problem { code } } }',
};

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape
type Any = any;
/** The outcome, or the denial's code in place of its type. */
export const trade = async (client: Client, name: keyof typeof tradingMutations, input: object): Promise<Any> => {
  const { data, errors } = await client.ask(tradingMutations[name], { input });
  return errors?.[0] ? { __typename: errors[0].extensions.code, message: errors[0].message } : data[name];
};
export const accountOf = async (client: Client, id: string): Promise<Any> =>
  (await client.ask(`query ($id: ID!) { tradingAccount(id: $id) { ${accountFields} } }`, { id })).data.tradingAccount;

export const keysOf = ({ apiKey, apiSecret }: KiteUser) => ({ apiKey, apiSecret });
/** Links an account that has to be linked; its id. */
export const linked = async (client: Client, input: object): Promise<string> => {
  const account = await trade(client, 'linkTradingAccount', input);
  if (account.__typename !== 'TradingAccount') throw new Error(`not linked: ${JSON.stringify(account)}`);
  return account.id;
};

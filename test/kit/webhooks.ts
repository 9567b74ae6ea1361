/** Webhooks as their managers have them. */
import type { Client } from './client.ts';
import type { World } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const problem = '__typename ... on Problem { code message } ... on InvalidInput { field } ... on QuotaExceeded { limit }';
const endpoint = 'id url types enabled createdAt';
export const delivery = 'id eventId type attempt statusCode error durationMs at nextAttemptAt';
const mutations: Record<string, string> = {
  createWebhook: `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { ${problem} ... on WebhookCreated { secret endpoint { ${endpoint} } } } }`,
  deleteWebhook: 'mutation ($input: WebhookInput!) { deleteWebhook(input: $input) { __typename ... on Deleted { id } } }',
  redeliverWebhook: `mutation ($input: RedeliverInput!) { redeliverWebhook(input: $input) { __typename ... on WebhookDelivery { ${delivery} } } }`,
};
/** The answer; `__typename` is the denial's code where it was denied. */
export const hook = async (client: Client, name: string, input: object): Promise<Any> => {
  const { data, errors } = await client.ask(mutations[name] as string, { input });
  return data?.[name] ?? { __typename: errors?.[0]?.extensions.code };
};
/** An endpoint that is there; throws where it is not. */
export const hooked = async (
  client: Client,
  input: { orgId?: string; url: string; types: string[] },
): Promise<{ id: string; secret: string }> => {
  const made = await hook(client, 'createWebhook', input);
  if (made.__typename !== 'WebhookCreated') throw new Error(JSON.stringify(made));
  return { id: made.endpoint.id, secret: made.secret };
};
/** The endpoints, or the denial's code. */
export const webhooksOf = async (client: Client, orgId?: string): Promise<Any> => {
  const query = `query ($orgId: ID) { webhooks(orgId: $orgId) { ${endpoint} deliveries { pageInfo { hasNextPage endCursor } edges { cursor node { ${delivery} } } } } }`;
  const { data, errors } = await client.ask(query, { orgId });
  return data?.webhooks ?? errors?.[0]?.extensions.code;
};
export const deliveriesOf = async (client: Client, id: string, orgId?: string): Promise<Any[]> =>
  (await webhooksOf(client, orgId)).find((one: { id: string }) => one.id === id).deliveries.edges.map(({ node }: Any) => node);

/** Facts that nobody else makes: a profile that is changed. Each is a `user.updated`, without an organization. */
export const change = async (client: Client, name = 'Somebody'): Promise<void> => {
  await client.ask(`mutation { updateProfile(input: { name: ${JSON.stringify(name)} }) { __typename } }`);
};
/** Deliveries of an endpoint as the database has them, oldest first. */
export const rowsOf = (world: Pick<World, 'sql'>, endpointId: string): Promise<Any[]> =>
  world.sql('SELECT * FROM webhook_deliveries WHERE endpoint_id = $1 ORDER BY id', [endpointId]);

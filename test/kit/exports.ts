/** Exports as their owners ask for them, wait for them and fetch them. */
import type { Client } from './client.ts';
import type { World } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const fields = 'id format status rows progress downloadUrl expiresAt createdAt';
const outcome = `__typename ... on Problem { code message } ... on ExportTooLarge { limit } ... on TooManyAttempts { retryAfterSeconds } ... on AuditExport { ${fields} }`;
const answerOf = ({ data, errors }: Any, name: string): Any => data?.[name] ?? { __typename: errors?.[0]?.extensions.code ?? null };

export const exportEvents = async (client: Client, input: object): Promise<Any> =>
  answerOf(
    await client.ask(`mutation ($input: ExportAuditInput!) { exportAuditEvents(input: $input) { ${outcome} } }`, { input }),
    'exportAuditEvents',
  );
export const exportMine = async (client: Client): Promise<Any> =>
  answerOf(await client.ask(`mutation { exportMyData { ${outcome} } }`), 'exportMyData');
export const stateOf = async (client: Client, id: string): Promise<Any> =>
  answerOf(await client.ask(`query ($id: ID!) { auditExport(id: $id) { __typename ${fields} } }`, { id }), 'auditExport');
/** Waits until it is written. */
export const ready = async (client: Client, id: string): Promise<Any> => {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    const state = await stateOf(client, id);
    if (state.status === 'READY') return state;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error('the export was not written in time');
};
/** The link, on the port of the test's house. */
export const fetchFrom = (world: Pick<World, 'url'>, downloadUrl: string, method = 'GET'): Promise<Response> => {
  const { pathname, search } = new URL(downloadUrl);
  return fetch(`${world.url}${pathname}${search}`, { method });
};

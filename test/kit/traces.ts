/** Looking for secrets where there should be none: as they are, in hex, in base64 at any alignment. */

/** What of `secret` is found in the base64 of anything that contains it, for each of the three ways it may be aligned. */
const inBase64 = (secret: string): string[] =>
  [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters also depend on the neighbours.
    return text.slice(before === 0 ? 0 : before + 1, -1);
  });
const tracesOf = (secret: string): string[] => {
  const hex = Buffer.from(secret).toString('hex');
  const base64 = inBase64(secret);
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [secret, encodeURIComponent(secret), hex, hex.toUpperCase(), ...base64, ...url];
};
/** `name: form` of each secret that stands in the text in some form. */
export const foundIn = (text: string | Buffer, secrets: Record<string, string>): string[] =>
  Object.entries(secrets).flatMap(([name, secret]) =>
    tracesOf(secret).flatMap((trace) => (text.includes(trace) ? [`${name}: ${trace}`] : [])),
  );

type Ask = (text: string) => Promise<Record<string, unknown>[]>;
/** Every row of every table of ours and of the queue's, as text; bytes are hex. */
export const dumpOf = async (ask: Ask): Promise<string> => {
  const tables = await ask(`SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
  const rows: unknown[] = [];
  for (const { name } of tables) for (const { row } of await ask(`SELECT t::text AS row FROM ${name} AS t`)) rows.push(row);
  return rows.join('\n');
};

/** Whether secrets stand anywhere they must not: in any row of a database, in the lines of a log; as they are, in hex, in base64, at any offset. */
import pg from 'pg';

/** Every row of every table as PostgreSQL writes it, bytes in hex; the queue's tables too. */
export const dumpOf = async (databaseUrl: string): Promise<string> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const parts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT (each.*)::text AS row FROM ${name} AS each`);
      parts.push(`-- ${name}`, ...rows.map(({ row }) => row));
    }
    return parts.join('\n');
  } finally {
    await client.end();
  }
};

/** What of the base64 of anything that contains `bytes` is always the same, by where in it they begin. */
const base64Forms = (bytes: Buffer): string[] =>
  [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });

/** The forms in which `bytes` could stand in a text, by name. A column of bytes is written in hex, so each form counts in hex too. */
const formsOf = (bytes: Buffer): [string, string][] => {
  const base64 = base64Forms(bytes);
  const plain: [string, string][] = [
    ['raw', bytes.toString('latin1')],
    ['raw (UTF-8)', bytes.toString('utf8')],
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
    ...base64.map((text): [string, string] => ['base64', text]),
    ...base64.map((text): [string, string] => ['base64url', text.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
  return [...plain, ...plain.map(([name, text]): [string, string] => [`${name}, in bytes`, Buffer.from(text).toString('hex')])];
};

/**
 * `the log holds the password (base64)` for each secret that is found in a text. A secret is its bytes, or a text; one of less than eight bytes
 * could be there by chance and is an error.
 */
export const leaksIn = (texts: Record<string, string>, secrets: Record<string, Buffer | string>): string[] => {
  const found: string[] = [];
  for (const [secret, value] of Object.entries(secrets)) {
    const bytes = Buffer.from(value as string);
    if (bytes.length < 8) throw new Error(`${secret} is too short to be looked for`);
    for (const [form, text] of formsOf(bytes))
      for (const [where, haystack] of Object.entries(texts)) if (haystack.includes(text)) found.push(`${where} holds ${secret} (${form})`);
  }
  return [...new Set(found)];
};

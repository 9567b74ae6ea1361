import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export type TestDatabase = { readonly url: string; drop(): Promise<void> };

const onServer = async (sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: inject('serverUrl') });
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

const create = async (template: string): Promise<TestDatabase> => {
  const name = `latchkey_test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: Object.assign(new URL(inject('serverUrl')), { pathname: `/${name}` }).href,
    drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
};

/** A database of one's own, migrated, with nothing in it but what the migrations put there. `drop` ends its connections too. */
export const freshDatabase = (): Promise<TestDatabase> => create(inject('template'));

/** A database of one's own without any migration. */
export const emptyDatabase = (): Promise<TestDatabase> => create('template0');

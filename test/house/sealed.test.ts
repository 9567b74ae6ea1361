/** Every column of bytes is either sealed, and then a rewrap knows it, or named here with what it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sealedColumns } from '../../src/auth/seals/columns.ts';

const models = fileURLToPath(new URL('../../prisma/models', import.meta.url));
const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Digests and MACs, from which nothing is read back, and what is no secret. */
const others = new Set([
  'api_keys.key_hash',
  'audit_seals.entries',
  'audit_seals.previous',
  'audit_seals.root',
  'audit_seals.signature',
  'client_assertions.jti_hash',
  'devices.key',
  'invitations.token_hash',
  'lockouts.account',
  'lockouts.key',
  'mfa_backup_codes.code_hash',
  'mfa_challenges.binding',
  'mfa_challenges.challenge',
  'mfa_challenges.code_hash',
  'mfa_challenges.token_hash',
  'mfa_methods.challenge',
  'mfa_methods.code_hash',
  'mfa_methods.credential_id',
  'mfa_methods.public_key',
  'oauth_states.binding',
  'oauth_states.state_hash',
  'one_time_tokens.code_hash',
  'one_time_tokens.token_hash',
  'service_clients.previous_secret_hash',
  'service_clients.secret_hash',
  'sessions.salt',
  'trusted_devices.token_hash',
]);

/** `table.column` of every column of bytes in the models. */
const bytesColumns = (text: string): string[] =>
  [...text.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].flatMap(([, , body = '']) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1];
    return [...body.matchAll(/^ {2}(\w+)\s+Bytes\b(.*)$/gm)].map(
      ([, field, rest = '']) => `${table}.${/@map\("(\w+)"\)/.exec(rest)?.[1] ?? field}`,
    );
  });
const texts = readdirSync(models).map((name) => readFileSync(join(models, name), 'utf8'));
const found = texts.flatMap(bytesColumns);
const registered = sealedColumns.map(({ table, column }) => `${table}.${column}`);

describe('the sealed columns', () => {
  it('are all registered: a column of bytes is either one, or named as something else', () => {
    expect(found.length).toBeGreaterThan(20);
    expect(found.filter((name) => !registered.includes(name) && !others.has(name))).toEqual([]);
    expect(registered.filter((name) => !found.includes(name) || others.has(name))).toEqual([]);
    expect([...others].filter((name) => !found.includes(name))).toEqual([]);
  });

  it('would be missed if a model had one more', () => {
    expect(
      bytesColumns('model Planted {\n  id String @id\n  sealedThing Bytes? @map("sealed_thing")\n  plain Bytes\n\n  @@map("planted")\n}\n'),
    ).toEqual(['planted.sealed_thing', 'planted.plain']);
  });

  it('are as many as there are rooms that seal, but for letters, which are over in hours', () => {
    const sealing = readdirSync(join(src, 'auth'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && /\bkms\.seal\(/.test(readFileSync(join(src, 'auth', path), 'utf8')))
      .filter((path) => path !== join('letters', 'post.ts'));
    const registering = sealing.filter((path) => readFileSync(join(src, 'auth', path), 'utf8').includes(': SealedColumn = {'));
    expect(sealing.length).toBeGreaterThanOrEqual(3);
    expect(registering).toEqual(sealing);
    expect(registered).toHaveLength(sealing.length);
  });

  it('name rows by columns that the models have', () => {
    for (const { table, key, needs } of sealedColumns) {
      const model =
        texts
          .join('\n')
          .split(/^model /m)
          .find((part) => part.includes(`@@map("${table}")`)) ?? '';
      for (const name of [key, ...needs])
        expect(new RegExp(`^  ${name}\\b|@map\\("${name}"\\)`, 'm').test(model), `${table}.${name}`).toBe(true);
    }
  });
});

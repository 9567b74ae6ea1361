/** A field that says nothing of who may call it, or something else than its resolver takes for granted, does not build. */
import SchemaBuilder from '@pothos/core';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { expect, it } from 'vitest';
import DoorsPlugin, { type Door } from '../../src/schema/doors.ts';

type Scopes = { AuthScopes: { signedIn: boolean; settled: boolean; permission: string } };
const build = (door: Door | undefined, assumed?: { signedIn: true }) => {
  const builder = new SchemaBuilder<Scopes>({
    plugins: [DoorsPlugin, ScopeAuthPlugin],
    scopeAuth: { authScopes: () => ({ signedIn: false, settled: true, permission: () => false }) },
    // The types of the other plugins ask for their options as well.
  } as never);
  builder.queryType({
    fields: (t) => {
      const options = { door, type: 'Boolean', resolve: () => true } as const;
      return { open: assumed ? t.withAuth(assumed).field(options as never) : t.field(options as never) };
    },
  });
  return () => builder.toSchema();
};

it('A root field without a door does not build', () => {
  expect(build(undefined)).toThrow('Query.open does not say who may call it');
  expect(build('anyone')).not.toThrow();
});

it('A resolver that takes a person for granted does not build behind a door that lets others in', () => {
  for (const door of ['anyone', { permission: 'users.read' }, { open: 'signedIn', program: 'users.read' }] satisfies Door[])
    expect(build(door, { signedIn: true }), JSON.stringify(door)).toThrow('does not see to signedIn');
  for (const door of ['signedIn', { open: { permission: 'users.read' }, person: true }] satisfies Door[])
    expect(build(door, { signedIn: true }), JSON.stringify(door)).not.toThrow();
});

/** The schema's builder and its plugins. Nothing here knows a type; src/resolvers/index.ts closes the graph. */
import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import DirectivesPlugin from '@pothos/plugin-directives';
import FederationPlugin from '@pothos/plugin-federation';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { forbidden, stepUpRequired, unauthenticated } from '../auth/access/denial.ts';
import type { SignedInCaller } from '../auth/caller.ts';
import type { StepUpWhen } from '../auth/mfa/step-up.ts';
import { defaultPageSize, maxPageSize } from '../auth/paging.ts';
import type { Context } from './context.ts';
import DoorsPlugin from './doors.ts';
import type PrismaTypes from './generated/pothos-types.ts';
import { getDatamodel } from './generated/pothos-types.ts';
import { graphClientOf } from './graph-client.ts';
import PagesPlugin from './pages.ts';
import RowsPlugin from './rows.ts';

export type SchemaShape = {
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  DefaultAuthStrategy: 'all';
  AuthScopes: {
    signedIn: boolean;
    signedInOr: string;
    permission: string;
    settled: boolean;
    inPerson: boolean;
    asOneself: true;
    stepUp: StepUpWhen;
  };
  /** Behind the door `signedIn` the caller is a person; behind one with a permission alone it may be a program. */
  AuthContexts: { signedIn: Context & { caller: SignedInCaller } };
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    EmailAddress: { Input: string; Output: string };
    URL: { Input: string; Output: string };
    JSON: { Input: unknown; Output: unknown };
  };
};

export const builder = new SchemaBuilder<SchemaShape>({
  // Doors first: what it makes of a field is what scope-auth then enforces. Directives before federation, or the SDL lacks @key.
  plugins: [
    DoorsPlugin,
    ScopeAuthPlugin,
    RelayPlugin,
    RowsPlugin,
    PrismaPlugin,
    DataloaderPlugin,
    DirectivesPlugin,
    FederationPlugin,
    ComplexityPlugin,
    PagesPlugin,
  ],
  defaultFieldNullability: false,
  scopeAuth: {
    defaultStrategy: 'all',
    authorizeOnSubscribe: true,
    authScopes: ({ caller, auth }) => ({
      signedIn: caller.identity !== null,
      // A person, or a program with this permission.
      signedInOr: (name) => caller.identity !== null || (caller.client !== null && caller.permissions.has(name)),
      permission: (name) => caller.permissions.has(name),
      // No second factor is due: it is not required, or has been given.
      settled: caller.identity?.restricted !== true,
      inPerson: caller.identity !== null && caller.identity.apiKeyId === null,
      // Throws the denial itself, which says why.
      asOneself: () => {
        if (caller.identity?.impersonatorId) throw forbidden('Not while acting as somebody else.');
        return true;
      },
      // Throws the denial itself, which names what opens the door.
      stepUp: (when) => auth.mfa.requireStepUp(caller, when).then(() => true),
    }),
    unauthorizedError: (_parent, { caller, auth }) => {
      if (caller.client) return forbidden('A program may not do this.');
      if (!caller.identity) return unauthenticated();
      return caller.identity.restricted
        ? stepUpRequired(auth.serviceInfo.mfaTypes, 'Set up, or give, a second factor first.')
        : forbidden();
    },
  },
  relay: {
    // The contract's ids are plain UUIDs and it has no node(id:) field.
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    cursorType: 'String',
    edgesFieldOptions: { nullable: { list: false, items: false } },
    nodeFieldOptions: { nullable: false },
  },
  prisma: {
    client: graphClientOf,
    dmmf: getDatamodel(),
    filterConnectionTotalCount: true,
    defaultConnectionSize: defaultPageSize,
    maxConnectionSize: maxPageSize,
    onUnusedQuery: null,
  },
  complexity: { defaultComplexity: 1, defaultListMultiplier: 10 },
});

export const Node = builder.interfaceRef<{ id: string }>('Node').implement({ fields: (t) => ({ id: t.exposeID('id') }) });

/** The builder's types in full, for helpers that make refs. */
export type Types = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** Result unions: each member is an outcome of the operation, told apart by its `kind`, which is the GraphQL type's name. */
import type { UnionRef } from '@pothos/core';
import { builder, type Types } from './builder.ts';

/** The endings of an operation. */
// biome-ignore lint/suspicious/noExplicitAny: an operation's input does not matter here
export type OutcomeOf<Operation extends (...args: any[]) => unknown> = Extract<Awaited<ReturnType<Operation>>, { kind: string }>;

/**
 * A union whose members are given by the kind of outcome they show. An outcome that no member shows does not compile; a member that
 * no outcome uses yet may stand (the contract promises it).
 */
export const resultUnion = <Outcome extends { kind: string }>(
  name: string,
  members: { [K in Outcome['kind']]: object } & Record<string, object>,
): UnionRef<Types, Outcome, Outcome> =>
  builder.unionType(name, {
    types: Object.values(members),
    resolveType: (outcome: unknown) => (outcome as Outcome).kind,
    // Read by src/http/compiled.ts: the type is told without waiting.
    extensions: { resolvesAtOnce: true },
  } as never) as unknown as UnionRef<Types, Outcome, Outcome>;

/**
 * Fields that read columns of their row and nothing else: where the row at hand has them, it is asked at once. What @pothos/plugin-prisma
 * does to find out whether they were loaded costs more than everything else about such a field.
 */
import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';

const pluginName = 'rows' as const;

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      rows: RowsPlugin<Types>;
    }
  }
}

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types['Context'], object>;

/** The columns, or null where the field selects anything else. */
const columnsOf = (select: unknown): string[] | null =>
  select !== null && typeof select === 'object' && Object.values(select).every((wanted) => wanted === true) ? Object.keys(select) : null;

/** To stand before the Prisma plugin, whose check it may go round; behind scope-auth, whose it may not. */
export class RowsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(resolver: Resolver<Types>, field: PothosOutputFieldConfig<Types>): Resolver<Types> {
    const columns = field.kind === 'PrismaObject' ? columnsOf(field.extensions?.['pothosPrismaSelect']) : null;
    const read = field.resolve as Resolver<Types> | undefined;
    if (!columns || !read || field.argMappers.length > 0) return resolver;
    const isThere = (row: unknown): boolean => columns.every((name) => (row as Record<string, unknown>)[name] !== undefined);
    return (row, args, context, info) => (isThere(row) ? read : resolver)(row, args, context, info);
  }
}

SchemaBuilder.registerPlugin(pluginName, RowsPlugin);
export default pluginName;

/** Pages that Prisma reads: what a client asks for is checked before Prisma is asked, in the words the other connections use (auth/paging.ts). */
import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { badRequest } from '../auth/access/denial.ts';
import { isUuid, type PageArgs, windowOf } from '../auth/paging.ts';

const pluginName = 'pages' as const;
/** To be among a prismaConnection's `extensions`. */
export const prismaPage = { page: 'prisma' } as const;
/** How @pothos/plugin-prisma writes a cursor of one string column. */
const prismaCursor = 'GPC:S:';

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      pages: PagesPlugin<Types>;
    }
  }
}

const checkCursor = (name: string, cursor: string | null | undefined): void => {
  if (cursor == null) return;
  const text = cursor.length <= 100 ? Buffer.from(cursor, 'base64').toString() : '';
  if (!text.startsWith(prismaCursor) || !isUuid(text.slice(prismaCursor.length)))
    throw badRequest(`${name} is not a cursor of this connection.`);
};

export class PagesPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (field.extensions?.['page'] !== prismaPage.page) return resolver;
    return (parent, args, context, info) => {
      const { first, last, after, before } = args as PageArgs;
      windowOf({ first, last });
      checkCursor('after', after);
      checkCursor('before', before);
      return resolver(parent, args, context, info);
    };
  }
}

SchemaBuilder.registerPlugin(pluginName, PagesPlugin);
export default pluginName;

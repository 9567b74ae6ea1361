/**
 * graphql-codegen: schema.graphql, the subgraph's SDL as `_service { sdl }` gives it to a gateway, federation directives included.
 * Run by scripts/generate.ts.
 */
import type { CodegenConfig } from '@graphql-codegen/cli';
import { executeSync, parse } from 'graphql';
import { schema } from './src/resolvers/index.ts';

const { data } = executeSync({ schema, document: parse('{ _service { sdl } }') }) as { data: { _service: { sdl: string } } };

export default {
  schema: data._service.sdl,
  generates: { 'schema.graphql': { plugins: ['schema-ast'], config: { includeDirectives: true } } },
} satisfies CodegenConfig;

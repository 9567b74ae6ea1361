/** The rules a document is validated by, for every transport: those of the specification, and what this deployment does not show. */
import { GraphQLError, specifiedRules, type ValidationRule } from 'graphql';

const hides =
  (names: ReadonlySet<string>, message: string): ValidationRule =>
  (context) => ({
    Field(node) {
      if (names.has(node.name.value)) context.reportError(new GraphQLError(message, { nodes: node }));
    },
  });

/** Introspection is off in production, and the subgraph's SDL wherever `SUBGRAPH_SDL` does not say on. */
export const rulesOf = (config: { production: boolean; SUBGRAPH_SDL?: boolean | undefined }): readonly ValidationRule[] => [
  ...specifiedRules,
  ...(config.production ? [hides(new Set(['__schema', '__type']), 'Introspection is off.')] : []),
  ...((config.SUBGRAPH_SDL ?? !config.production) ? [] : [hides(new Set(['_service']), 'The SDL is not served.')]),
];

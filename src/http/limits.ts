/** What one operation may ask for, whatever transport brought it. Measured before validation, whose own work grows with the square of some of these. */
import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode, type ValueNode } from 'graphql';

export const limits = {
  /** Bytes of a request's body. */
  bodyBytes: 128 * 1024,
  /** Characters of a document; checked before it is parsed. */
  queryLength: 16 * 1024,
  tokens: 2_000,
  depth: 12,
  /** The next three count what fragments repeat as often as they repeat it. */
  aliases: 50,
  rootFields: 50,
  directives: 50,
  /** How often one name may come up in one selection set and its fragments; comparing fields for conflicts is quadratic in it. */
  repeats: 30,
  fragments: 50,
  operations: 20,
  /** Nesting of an input value, in the document or in the variables. */
  valueDepth: 32,
  /** Representations in one `_entities` call. */
  references: 500,
  /** Weighed by @pothos/plugin-complexity: one a field, times what a list may return. */
  cost: 5_000,
} as const;

type Size = { depth: number; aliases: number; directives: number; fields: number; names: Map<string, number> };
const nothing = (): Size => ({ depth: 0, aliases: 0, directives: 0, fields: 0, names: new Map() });

/** Thrown within this file alone; the message is for the client. */
class Exceeded extends Error {}
const over = (limit: keyof typeof limits, what: string): Exceeded => new Exceeded(`${what} (at most ${limits[limit]}).`);

const checkValue = (value: ValueNode, depth: number): void => {
  if (depth > limits.valueDepth) throw over('valueDepth', 'A value is nested too deep');
  if (value.kind === Kind.LIST) for (const item of value.values) checkValue(item, depth + 1);
  else if (value.kind === Kind.OBJECT) for (const field of value.fields) checkValue(field.value, depth + 1);
};

const measurer = (fragments: ReadonlyMap<string, FragmentDefinitionNode>) => {
  // A fragment is measured once, however often it is spread; 'open' while that goes on, which is how a cycle shows.
  const known = new Map<string, Size | 'open'>();

  const ofFragment = (name: string): Size => {
    const size = known.get(name);
    if (size === 'open') throw new Exceeded('A fragment refers to itself.');
    if (size) return size;
    const fragment = fragments.get(name);
    // Validation says it better.
    if (!fragment) return nothing();
    known.set(name, 'open');
    const measured = of(fragment.selectionSet);
    known.set(name, measured);
    return measured;
  };

  const named = ({ names }: Size, key: string, times: number): void => {
    const all = (names.get(key) ?? 0) + times;
    if (all > limits.repeats) throw over('repeats', 'One field is asked for too often in one place');
    names.set(key, all);
  };

  const of = (set: SelectionSetNode): Size => {
    const size = nothing();
    const add = (inner: Size, levels: number) => {
      size.depth = Math.max(size.depth, inner.depth + levels);
      size.aliases += inner.aliases;
      size.directives += inner.directives;
    };
    for (const selection of set.selections) {
      size.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) {
        const name = selection.name.value;
        named(size, selection.alias?.value ?? name, 1);
        size.fields += 1;
        if (selection.alias) size.aliases += 1;
        for (const argument of selection.arguments ?? []) checkValue(argument.value, 1);
        const inner = selection.selectionSet ? of(selection.selectionSet) : nothing();
        // Introspection nests deeper than any honest query; graphql's own MaxIntrospectionDepthRule bounds it.
        add(name === '__schema' || name === '__type' ? { ...inner, depth: 0 } : inner, 1);
      } else {
        const inner = selection.kind === Kind.FRAGMENT_SPREAD ? ofFragment(selection.name.value) : of(selection.selectionSet);
        add(inner, 0);
        size.fields += inner.fields;
        for (const [key, times] of inner.names) named(size, key, times);
      }
    }
    return size;
  };
  return of;
};

/** A sentence on the limit that the document exceeds, or null. The document has at most `limits.tokens` tokens, which bounds the recursion. */
export const exceeded = (document: DocumentNode): string | null => {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let operations = 0;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    else if (definition.kind === Kind.OPERATION_DEFINITION) operations += 1;
  }
  try {
    if (fragments.size > limits.fragments) throw over('fragments', 'The document has too many fragments');
    if (operations > limits.operations) throw over('operations', 'The document has too many operations');
    const measure = measurer(fragments);
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) measure(definition.selectionSet);
      if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
      for (const variable of definition.variableDefinitions ?? []) if (variable.defaultValue) checkValue(variable.defaultValue, 1);
      const size = measure(definition.selectionSet);
      size.directives += definition.directives?.length ?? 0;
      if (size.depth > limits.depth) throw over('depth', 'The operation is nested too deep');
      if (size.aliases > limits.aliases) throw over('aliases', 'The operation has too many aliases');
      if (size.fields > limits.rootFields) throw over('rootFields', 'The operation has too many root fields');
      if (size.directives > limits.directives) throw over('directives', 'The operation has too many directives');
    }
    return null;
  } catch (error) {
    if (error instanceof Exceeded) return error.message;
    throw error;
  }
};

/** Whether a parsed JSON value nests deeper than `limits.valueDepth`. */
export const nestsTooDeep = (value: unknown, depth = 0): boolean => {
  if (value === null || typeof value !== 'object') return false;
  if (depth > limits.valueDepth) return true;
  for (const item of Array.isArray(value) ? value : Object.values(value)) if (nestsTooDeep(item, depth + 1)) return true;
  return false;
};

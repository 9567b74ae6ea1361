/** The contract's scalars. Each refuses what is out of form before any resolver sees it. */
import { GraphQLError, Kind, type ValueNode } from 'graphql';
import { parseEmail } from '../auth/users/model.ts';
import { builder } from './builder.ts';

const textOnly = (name: string, parse: (text: string) => string | Date | null) => (value: unknown) => {
  const parsed = typeof value === 'string' ? parse(value) : null;
  if (parsed === null) throw new GraphQLError(`Not a valid ${name}.`);
  return parsed;
};

// RFC 3339 §5.6, with the offset that makes it an instant.
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;
const instant = (text: string): Date | null => {
  const at = rfc3339.test(text) ? new Date(text) : null;
  return at && !Number.isNaN(at.getTime()) ? at : null;
};

builder.scalarType('DateTime', {
  description: 'An instant by RFC 3339, given in UTC.',
  serialize: (value) => (value instanceof Date ? value : new Date(value as unknown as string)).toISOString() as unknown as Date,
  parseValue: textOnly('DateTime', instant) as (value: unknown) => Date,
});

builder.scalarType('EmailAddress', {
  description: 'An address of electronic mail, at most 254 characters.',
  serialize: (value) => value,
  parseValue: textOnly('EmailAddress', parseEmail) as (value: unknown) => string,
});

const url = (text: string): string | null => (text.length <= 4096 && URL.canParse(text) ? text : null);
builder.scalarType('URL', {
  description: 'An absolute URL (WHATWG).',
  serialize: (value) => value,
  parseValue: textOnly('URL', url) as (value: unknown) => string,
});

/** A literal's value without recursion into anything but JSON's own kinds. */
const literal = (node: ValueNode, variables: Record<string, unknown> | null | undefined): unknown => {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((item) => literal(item, variables));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value, variables)]));
    case Kind.VARIABLE:
      return variables?.[node.name.value];
  }
};
builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: literal,
});

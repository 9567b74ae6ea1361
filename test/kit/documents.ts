/** Makes a well-formed operation for any root field from the schema alone, for tests that sweep over all of them. */
import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql';

export type Samples = { id: string; email: string; password: string };

const leaf = (name: string, field: string, samples: Samples): string => {
  if (name === 'ID') return JSON.stringify(samples.id);
  if (name === 'EmailAddress') return JSON.stringify(samples.email);
  if (name === 'DateTime') return '"2026-01-01T00:00:00Z"';
  if (name === 'URL') return '"https://example.com/picture.png"';
  if (name === 'JSON') return '{}';
  if (name === 'Int' || name === 'Float') return '1';
  if (name === 'Boolean') return 'true';
  if (/password/i.test(field)) return JSON.stringify(samples.password);
  return JSON.stringify(field === 'after' || field === 'before' ? samples.id : 'sample');
};

/** A literal of the type; optional members of inputs are left out. */
const sampleOf = (type: GraphQLInputType, field: string, samples: Samples): string => {
  if (isNonNullType(type)) return sampleOf(type.ofType, field, samples);
  if (isListType(type)) return `[${sampleOf(type.ofType, field, samples)}]`;
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (!isInputObjectType(type)) return leaf(type.name, field, samples);
  const members = Object.values(type.getFields()).filter((member) => isNonNullType(member.type) && member.defaultValue === undefined);
  return `{${members.map((member) => `${member.name}: ${sampleOf(member.type, member.name, samples)}`).join(', ')}}`;
};

const selectionOf = (type: GraphQLOutputType): string => (isLeafType(getNamedType(type)) ? '' : '{ __typename }');

/** `field(args) { __typename }` with the arguments that must be given. */
export const callOf = (field: GraphQLField<unknown, unknown>, samples: Samples): string => {
  const args = field.args.filter((arg) => isNonNullType(arg.type) && arg.defaultValue === undefined);
  const given = args.map((arg) => `${arg.name}: ${sampleOf(arg.type, arg.name, samples)}`).join(', ');
  return `${field.name}${given ? `(${given})` : ''} ${selectionOf(field.type)}`;
};

/** Root fields asked for as widely as they can be: every argument that takes an id, and every field of the answer some levels down. */
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';

/** A literal for an argument or member by its name (`roleId`) or path (`filter.orgId`); undefined: it is not given unless it must be. */
export type Values = (name: string, type: string) => string | undefined;

const literal = (type: GraphQLInputType, name: string, values: Values): string | undefined => {
  if (isNonNullType(type)) return literal(type.ofType, name, values) ?? fallback(type.ofType);
  if (isListType(type)) {
    const inner = isNonNullType(type.ofType) ? type.ofType.ofType : type.ofType;
    const one = literal(inner, name, values);
    return one && `[${one}]`;
  }
  if (!isInputObjectType(type)) return values(name, type.name);
  const members = given(Object.values(type.getFields()), values);
  return members === '' && !Object.values(type.getFields()).some((member) => isNonNullType(member.type)) ? undefined : `{${members}}`;
};
const fallback = (type: GraphQLInputType): string => {
  if (isListType(type)) return '[]';
  if (isInputObjectType(type)) return '{}';
  if (isEnumType(type)) return type.getValues()[0]!.name;
  const plain: Record<string, string> = {
    ...{ Int: '1', Float: '1', Boolean: 'true', JSON: '{}' },
    ...{ DateTime: '"2030-01-01T00:00:00Z"', URL: '"https://app.example.com/"' },
  };
  return plain[getNamedType(type).name] ?? '"sample"';
};
const given = (of: readonly (GraphQLArgument | GraphQLInputField)[], values: Values): string =>
  of
    .flatMap(({ name, type }) => {
      const value = literal(type, name, values);
      return value === undefined ? [] : [`${name}: ${value}`];
    })
    .join(', ');

const call = (field: GraphQLField<unknown, unknown>, values: Values): string => {
  const args = given(field.args, values);
  return args ? `${field.name}(${args})` : field.name;
};
const isProblem = (type: GraphQLNamedType): boolean => isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Problem');
/** Members of a union name their fields after themselves, so that two do not collide; what is a problem says nothing but its code. */
const selection = (type: GraphQLOutputType, levels: number, values: Values, alias = false): string => {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (isUnionType(named)) {
    const members = named.getTypes().filter((member) => !isProblem(member));
    return `{ __typename ... on Problem { code message } ${members.map((one) => `... on ${one.name} ${selection(one, levels, values, true)}`).join(' ')} }`;
  }
  if (!isObjectType(named) && !isInterfaceType(named)) return '{ __typename }';
  const fields = Object.values(named.getFields())
    .filter((field) => isLeafType(getNamedType(field.type)) || levels > 0)
    .map((field) => `${alias ? `${named.name}_${field.name}: ` : ''}${call(field, values)} ${selection(field.type, levels - 1, values)}`);
  return `{ __typename ${fields.join(' ')} }`;
};

/** `field(args) { everything, `levels` deep }`. */
export const deepCall = (field: GraphQLField<unknown, unknown>, values: Values, levels = 3): string =>
  `${call(field, values)} ${selection(field.type, levels, values)}`;

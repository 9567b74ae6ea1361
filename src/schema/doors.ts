/**
 * Doors: who may call a root field. One that does not say so does not build. The door is enforced by scope-auth, printed into the
 * field's description, and told to the supergraph's router as @authenticated or @requiresScopes.
 */
import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, PothosSchemaError, type SchemaTypes } from '@pothos/core';
import type { StepUpWhen } from '../auth/mfa/step-up.ts';

type Open = 'anyone' | 'signedIn' | { permission: string };
/**
 * `anyone`: also without a token. `signedIn`: with one. Else: with this permission on the platform. Further:
 * - `note` adds what depends on arguments;
 * - `stepUp`: asks for an authentication of the last five minutes, with a second factor where the caller has one; `withFactor`: only of those who have;
 * - `person`: not to a program, whatever it may: it is done by somebody;
 * - `program`: beside `signedIn`, also to a program with this permission;
 * - `inPerson`: not by an API key; what asks for a step-up is never open to one;
 * - `asOneself`: not by an administrator who acts as the caller; what asks for a step-up is never open to one;
 * - `whileDue`: whether it is open while a second factor that is required has still to be given or set up. What anyone may call is, unless it says no.
 */
export type Door =
  | Open
  | {
      open: Open;
      note?: string;
      stepUp?: StepUpWhen;
      person?: boolean;
      program?: string;
      inPerson?: boolean;
      asOneself?: true;
      whileDue?: boolean;
    };

const pluginName = 'doors' as const;
const roots = new Set(['Query', 'Mutation', 'Subscription']);
/** Made by the federation plugin; each entity's reference resolver has the door of the field that reads it. */
const builtIn = new Set(['_service', '_entities']);

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      doors: DoorsPlugin<Types>;
    }
    export interface QueryFieldOptions<Types extends SchemaTypes, Type, Nullable, Args, ResolveReturnShape> {
      door?: Door;
    }
    export interface MutationFieldOptions<Types extends SchemaTypes, Type, Nullable, Args, ResolveReturnShape> {
      door?: Door;
    }
    export interface SubscriptionFieldOptions<Types extends SchemaTypes, Type, Nullable, Args, ResolveShape, ResolveReturnShape> {
      door?: Door;
    }
  }
}

type Told = Exclude<Door, Open>;
const told = (door: Door): Told => (typeof door === 'object' && 'open' in door ? door : { open: door });

/** What a door says to a reader of the schema. */
export const describeDoor = (door: Door): string => {
  const { open, note, stepUp, person, program, inPerson, asOneself } = told(door);
  const who =
    open === 'anyone'
      ? 'Open to anyone.'
      : open === 'signedIn'
        ? `Asks for a signed-in caller${program ? `, or a program with the permission ${program}` : ''}.`
        : `Asks for the permission ${open.permission}.`;
  const fresh = {
    always: 'Asks for a fresh authentication (step-up).',
    withFactor: 'Asks those who have a second factor for a fresh one (step-up).',
  };
  const barred = [person && 'Not to a program.', inPerson && 'Not with an API key.', asOneself && 'Not while acting as somebody else.'];
  return [who, stepUp && fresh[stepUp], ...barred, note].filter(Boolean).join(' ');
};

const directivesOf = (door: Door): { name: string; args: object }[] => {
  const { open } = told(door);
  if (open === 'anyone') return [];
  return open === 'signedIn' ? [{ name: 'authenticated', args: {} }] : [{ name: 'requiresScopes', args: { scopes: [[open.permission]] } }];
};

const scopesOf = (door: Door): Record<string, unknown> | undefined => {
  const { open, stepUp, person, program, inPerson, asOneself, whileDue = open === 'anyone' } = told(door);
  const signedIn = program ? { signedInOr: program } : { signedIn: true };
  const who = open === 'anyone' ? {} : open === 'signedIn' ? signedIn : { permission: open.permission };
  const scopes = {
    ...who,
    ...(person && { signedIn: true }),
    ...(!whileDue && { settled: true }),
    ...(inPerson && { inPerson }),
    ...(asOneself && { asOneself }),
    ...(stepUp && { stepUp }),
  };
  return Object.keys(scopes).length > 0 ? scopes : undefined;
};

export class DoorsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    if (!roots.has(field.parentType) || builtIn.has(field.name)) return field;
    const options = field.pothosOptions as unknown as { door?: Door; authScopes?: object };
    if (!options.door) throw new PothosSchemaError(`${field.parentType}.${field.name} does not say who may call it: give it a door`);
    const scopes = scopesOf(options.door);
    // `withAuth` tells the compiler that there is a person; the door is what is enforced, and has to see to that.
    const assumed = Object.keys(options.authScopes ?? {}).filter((scope) => !(scope in (scopes ?? {})));
    if (assumed.length > 0) throw new PothosSchemaError(`The door of ${field.parentType}.${field.name} does not see to ${assumed.join()}`);
    const existing = (field.extensions?.['directives'] ?? []) as { name: string; args: object }[];
    return {
      ...field,
      description: [field.description, describeDoor(options.door)].filter(Boolean).join('\n\n'),
      extensions: { ...field.extensions, door: options.door, directives: [...existing, ...directivesOf(options.door)] },
      pothosOptions: { ...field.pothosOptions, ...(scopes && { authScopes: scopes }) },
    } as PothosOutputFieldConfig<Types>;
  }
}

SchemaBuilder.registerPlugin(pluginName, DoorsPlugin);
export default pluginName;

import type { SealContext } from '../../infra/ports.ts';

/**
 * A column of sealed values, as the room that seals them describes it: how a row's context is built again, so that the value can be wrapped
 * under another master key. Names are of the database.
 */
export type SealedColumn = {
  readonly table: string;
  readonly column: string;
  /** The primary key, one column. */
  readonly key: string;
  readonly keyType: 'uuid' | 'text';
  /** Further columns that the context needs. */
  readonly needs: readonly string[];
  /** `row` has the key and what is needed, as text, by the names of the columns. */
  context(row: Readonly<Record<string, string>>): SealContext;
};

export const nameOf = ({ table, column }: Pick<SealedColumn, 'table' | 'column'>): string => `${table}.${column}`;

/** A value that stays as it is because its master key is not known or it does not open. */
export type Failure = { readonly column: string; readonly key: string; readonly reason: string };

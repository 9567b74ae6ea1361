/** How removals end, whatever was removed. */
import { builder } from './builder.ts';
import { problems } from './problems.ts';
import { resultUnion } from './result.ts';

type Outcome = { kind: 'Deleted'; id: string } | { kind: 'NotFound' | 'Conflict' | 'LastOwner' };

export const Deleted = builder
  .objectRef<{ kind: 'Deleted'; id: string }>('Deleted')
  .implement({ fields: (t) => ({ id: t.exposeID('id') }) });

const { NotFound, Conflict, LastOwner } = problems;
export const DeleteResult = resultUnion<Outcome>('DeleteResult', { Deleted, NotFound, Conflict, LastOwner });

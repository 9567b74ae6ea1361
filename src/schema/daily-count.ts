/** A point of a plot by days. */
import { builder } from './builder.ts';

export const DailyCount = builder.objectRef<{ date: string; count: number }>('DailyCount').implement({
  fields: (t) => ({ date: t.exposeString('date'), count: t.exposeInt('count') }),
});

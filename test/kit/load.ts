/** A bounded load on a house: calls one after the other in a few lanes, until told to stop, with every ending kept. */
export type Ending = { at: number; kind: 'answered' | 'refused' | 'cut'; code?: string; data?: unknown };

/** `call` for each lane over and over; `stop` gives what came of it. */
export const openLoad = (
  lanes: number,
  call: (lane: number) => Promise<{ data: unknown; errors?: { extensions: { code: string } }[] }>,
) => {
  const endings: Ending[] = [];
  let stopped = false;
  const lane = async (number: number): Promise<void> => {
    while (!stopped) {
      const at = performance.now();
      try {
        const { data, errors } = await call(number);
        endings.push(errors ? { at, kind: 'refused', code: errors[0]!.extensions.code } : { at, kind: 'answered', data });
        if (errors) await new Promise((resolve) => setTimeout(resolve, 20));
      } catch (error) {
        const { cause } = error as { cause?: { code?: string } };
        endings.push({ at, kind: 'cut', code: cause?.code ?? 'unknown' });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  return {
    endings,
    stop: async (): Promise<Ending[]> => {
      stopped = true;
      await running;
      return endings;
    },
  };
};

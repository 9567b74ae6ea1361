/** Closed loops: as many clients as connections, each sends its next request when it has its answer. */
import { type Answer, Connection } from './connection.ts';

/** What one client sends next, given the answer before (undefined at first). Throws where that answer is not what was asked for. */
export type Client = (answer: Answer | undefined) => string;
export type Measured = { readonly rate: number; readonly latencies: readonly number[] };

/** Throws unless the answer is a 200 that contains `mark`. */
export const expect = (answer: Answer, mark: string): void => {
  if (answer.status !== 200 || !answer.body.includes(mark))
    throw new Error(`an answer is not what was expected (${mark}): ${answer.status} ${answer.body.slice(0, 300)}`);
};

/** Drives `clients` for `seconds`; answers per second and their latencies in ms. */
export const drive = async (port: number, clients: readonly Client[], seconds: number): Promise<Measured> => {
  const latencies: number[] = [];
  const connections = clients.map(() => new Connection(port));
  const began = performance.now();
  const until = began + seconds * 1000;
  const loop = async (client: Client, connection: Connection): Promise<void> => {
    let answer: Answer | undefined;
    for (;;) {
      const request = client(answer);
      const sent = performance.now();
      if (sent >= until) return;
      answer = await connection.send(request);
      latencies.push(performance.now() - sent);
    }
  };
  try {
    await Promise.all(clients.map((client, i) => loop(client, connections[i] as Connection)));
  } finally {
    for (const connection of connections) connection.close();
  }
  return { rate: latencies.length / ((performance.now() - began) / 1000), latencies };
};

import { Connection } from './connection.ts';
import { type Client, drive, type Measured } from './load.ts';
import { get } from './request.ts';
import type { Side } from './rounds.ts';
import type { Server } from './server.ts';
import { settings } from './settings.ts';

/** A server under as many clients as there are connections; the clients keep what they know from turn to turn. */
export const served = (name: string, server: Server, clientOf: (client: number) => Client, connections = settings.connections): Side => {
  const clients = Array.from({ length: connections }, (_, client) => clientOf(client));
  return { name, pid: server.pid, run: (seconds) => drive(server.port, clients, seconds) };
};

/** A loop of rivals/raw.ts, which measures itself. */
export const rawLoop = (name: string, server: Server, path: string): Side => ({
  name,
  pid: server.pid,
  bare: true,
  run: async (seconds) => {
    const connection = new Connection(server.port);
    const answer = await connection.send(get(`${path}?seconds=${seconds}&clients=${settings.connections}`));
    connection.close();
    return JSON.parse(answer.body) as Measured;
  },
});

/**
 * What the machine can do without any server around it, by a tiny HTTP interface so that it runs in a process of its own like the others:
 * GET /hash (argon2id verifications, as many at once as cores) and GET /update (one prepared single-row UPDATE with its commit), `?seconds=`.
 */
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import pg from 'pg';

const password = 'correct horse battery';
const phc = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
const rows = 10_000;
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: Number(process.env['DATABASE_POOL_SIZE']) });
await pool.query(`CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL) WITH (fillfactor = 50)`);
await pool.query(`INSERT INTO counters SELECT i, 0 FROM generate_series(1, ${rows}) AS i`);

const update = { name: 'count', text: 'UPDATE counters SET n = n + 1 WHERE id = $1' };
const works = {
  '/hash': () => verify(phc, password),
  '/update/own': (client: number) => pool.query({ ...update, values: [client + 1] }),
  '/update/spread': () => pool.query({ ...update, values: [1 + Math.floor(Math.random() * rows)] }),
};

const loop = async (work: (client: number) => Promise<unknown>, clients: number, seconds: number) => {
  const latencies: number[] = [];
  const began = performance.now();
  const until = began + seconds * 1000;
  const one = async (client: number) => {
    for (let sent = performance.now(); sent < until; sent = performance.now()) {
      await work(client);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
  return { rate: latencies.length / ((performance.now() - began) / 1000), latencies };
};

createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost');
  const work = works[pathname as keyof typeof works];
  const clients = pathname === '/hash' ? availableParallelism() : Number(searchParams.get('clients'));
  res.end(JSON.stringify(await loop(work, clients, Number(searchParams.get('seconds')))));
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('ready'));

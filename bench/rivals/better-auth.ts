/**
 * better-auth on PostgreSQL as documented, with its bearer plugin. What differs from its defaults: no rate limits, argon2id by the engine and
 * parameters of Latchkey, no log. Mounted twice: /api/auth, and /api/renew where every get-session renews the session (`updateAge: 0`).
 */
import { createServer } from 'node:http';
import { hash, verify } from '@node-rs/argon2';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { bearer } from 'better-auth/plugins';
import pg from 'pg';

const port = Number(process.env['PORT']);
const database = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: Number(process.env['DATABASE_POOL_SIZE']) });
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

const open = (basePath: string, session: object) => ({
  baseURL: `http://127.0.0.1:${port}`,
  basePath,
  secret: 'only for a bench on loopback, 32 characters or more',
  database,
  session,
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password: string) => hash(password, cost),
      verify: ({ hash: phc, password }: { hash: string; password: string }) => verify(phc, password),
    },
  },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  telemetry: { enabled: false },
  plugins: [bearer()],
});

const options = open('/api/auth', {});
await (await getMigrations(options)).runMigrations();
const usual = toNodeHandler(betterAuth(options));
const renewing = toNodeHandler(betterAuth(open('/api/renew', { updateAge: 0 })));

const server = createServer((req, res) => {
  if (req.url?.startsWith('/api/renew')) void renewing(req, res);
  else void usual(req, res);
});
server.listen(port, '127.0.0.1', () => console.log('ready'));

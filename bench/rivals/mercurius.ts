/** Mercurius with just-in-time compilation from the first repetition of a query. */
import Fastify from 'fastify';
import { mercurius } from 'mercurius';
import { resolvers, typeDefs } from './service-info.ts';

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
console.log('ready');

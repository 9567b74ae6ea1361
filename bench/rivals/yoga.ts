/** graphql-yoga as it comes. */
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { resolvers, typeDefs } from './service-info.ts';

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }) });
createServer(yoga).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('ready'));

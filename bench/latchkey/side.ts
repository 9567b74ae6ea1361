/** Latchkey as a side: the requests that stand for each job. */
import { type Client, expect } from '../lib/load.ts';
import { counter, signedIn } from '../lib/people.ts';
import { graphql } from '../lib/request.ts';
import { settings } from '../lib/settings.ts';
import { documents } from './documents.ts';
import { loginRequest, type Tokens, tokensOf } from './people.ts';

export const clientsOf = (tokens: readonly Tokens[]) => {
  const accessToken = (number: number): string => (tokens[number % tokens.length] as Tokens).accessToken;
  const asking = (document: string, mark: string) => (client: number) => {
    const next = counter(signedIn, client);
    return ((answer) => {
      if (answer) expect(answer, mark);
      return graphql(document, undefined, accessToken(next()));
    }) satisfies Client;
  };
  const anybody = counter(settings.people, signedIn);
  return {
    me: asking(documents.me, '"email":"person'),
    sessions: asking(documents.sessions, '"userAgent"'),
    refresh: (client: number): Client => {
      let { refreshToken } = tokens[client] as Tokens;
      return (answer) => {
        if (answer) ({ refreshToken } = tokensOf(answer));
        return graphql(documents.refresh, { input: { refreshToken } });
      };
    },
    login: (): Client => (answer) => {
      if (answer) expect(answer, '"SignedIn"');
      return loginRequest(anybody());
    },
  };
};
export type LatchkeyClients = ReturnType<typeof clientsOf>;

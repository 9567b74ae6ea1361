/** Linking a trading account with a broker that answers at once: what Latchkey adds to the broker's own time. */
import { Connection } from '../lib/connection.ts';
import { expect } from '../lib/load.ts';
import { watch } from '../lib/meter.ts';
import type { Section } from '../lib/report.ts';
import { graphql } from '../lib/request.ts';
import { settings } from '../lib/settings.ts';
import type { Stage } from '../lib/stage.ts';
import { figure, median, percentile } from '../lib/stats.ts';

const perRound = settings.quick ? 100 : 400;
const link = `mutation ($input: LinkTradingAccountInput!) { linkTradingAccount(input: $input) { __typename ... on TradingAccount { id status } } }`;
const unlink = `mutation ($input: TradingAccountInput!) { unlinkTradingAccount(input: $input) { __typename } }`;
const profile = (token: string): string =>
  `GET /user/profile HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Kite-Version: 3\r\nAuthorization: token key:${token}\r\nConnection: keep-alive\r\n\r\n`;

const timed = async (work: () => Promise<{ body: string }>, mark: string): Promise<{ ms: number; body: string }> => {
  const began = performance.now();
  const answer = await work();
  const ms = performance.now() - began;
  expect(answer as never, mark);
  return { ms, body: answer.body };
};

export const trading = async (stage: Stage): Promise<Section> => {
  const { tokens } = await stage.house();
  const kite = await stage.rival('kite');
  const more = { KITE_API_URL: `http://127.0.0.1:${kite.port}`, RATE_LIMIT_BROKER: 'off' };
  const server = await (await stage.latchkey()).start('one', more);
  const [own, broker] = [new Connection(server.port), new Connection(kite.port)];
  try {
    const [linking, asking]: [number[], number[]] = [[], []];
    let count = 0;
    const once = async (keep: boolean): Promise<void> => {
      count += 1;
      const [user, accessToken] = [`AB${count}`, tokens[count % tokens.length]?.accessToken];
      const direct = await timed(() => broker.send(profile(user)), user);
      const input = { apiKey: 'abcdefgh12345678', apiSecret: 'a-secret-of-the-usual-length-0123', accessToken: user };
      const linked = await timed(() => own.send(graphql(link, { input }, accessToken)), '"ACTIVE"');
      if (keep) {
        linking.push(linked.ms);
        asking.push(direct.ms);
      }
      const { id } = JSON.parse(linked.body).data.linkTradingAccount as { id: string };
      expect(await own.send(graphql(unlink, { input: { accountId: id } }, accessToken)), '"Deleted"');
    };
    for (let n = 0; n < perRound; n += 1) await once(false);
    const foreign: number[] = [];
    for (let round = 0; round < settings.rounds; round += 1) {
      const { used } = await watch(async () => {
        for (let n = 0; n < perRound; n += 1) await once(true);
      });
      foreign.push(used?.foreign ?? 0);
    }
    const told = (values: readonly number[]) => `p50 ${figure(median(values))} ms, p99 ${figure(percentile(values, 0.99))} ms`;
    const added = linking.map((ms, n) => ms - (asking[n] as number));
    return {
      title: 'linking a trading account, one after the other, with a broker that answers at once',
      results: [],
      foreign: median(foreign),
      notes: [
        `the broker asked directly: ${told(asking)}`,
        `linkTradingAccount (the broker asked, the credentials sealed, account and fact committed): ${told(linking)}`,
        `what linking adds: ${told(added)}`,
      ],
      verdicts: [{ what: 'what linking adds to the broker’s call, p50', kind: 'most', goal: 10, value: median(added), unit: ' ms' }],
    };
  } finally {
    own.close();
    broker.close();
    await server.stop();
  }
};

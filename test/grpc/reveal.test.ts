/** RevealTradingCredentials by a real client: for a program with the permission and the owner's consent, and for nobody else. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GrpcClient, grpcClient } from '../kit/grpc.ts';
import { type LocalKite, openKite } from '../kit/kite.ts';
import { keepLog } from '../kit/log.ts';
import { deleteMutation, factsOf, keyMutation, type Service, serviceOf, tokenOf } from '../kit/services.ts';
import { foundIn } from '../kit/traces.ts';
import { keysOf, linked, trade } from '../kit/trading.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

let world: World;
let grpc: GrpcClient;
let kite: LocalKite;
let admin: SignedInPerson;
let owner: SignedInPerson;
let service: Service;
const log = keepLog();
beforeAll(async () => {
  kite = await openKite();
  world = await openWorld({ GRPC_PORT: '0', KITE_API_URL: kite.url, LOG_LEVEL: 'debug' }, { destination: log.destination });
  grpc = grpcClient(`127.0.0.1:${world.house.grpc!.port}`);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  owner = await world.signedIn();
  service = await serviceOf(admin.client, ['trading:credentials.read', 'users.read']);
});
afterAll(async () => {
  grpc?.close();
  await world?.close();
  await kite?.stop();
});

const reveal = (token: string, accountId: string) => grpc.identity('RevealTradingCredentials', { accountId }, { token });
const revealed = () => factsOf(world, 'trading_account.credentials_revealed');
const account = async () => {
  const user = kite.user();
  const accessToken = kite.accessToken(user);
  return { keys: keysOf(user), accessToken, id: await linked(owner.client, { ...keysOf(user), accessToken }) };
};
const consent = (accountId: string, more: object = {}) =>
  trade(owner.client, 'shareTradingAccount', { accountId, userId: service.id, access: 'TRADE', ...more });

describe('RevealTradingCredentials', () => {
  it('hands a program what its owner lets it have, with a fact that names it, and leaves no trace in the log', async () => {
    const { id, keys, accessToken } = await account();
    await consent(id);
    const { code, response } = await reveal(await tokenOf(world, service), id);
    expect([code, response]).toEqual(['OK', { ...keys, accessToken }]);
    expect(
      await world.sql(
        `SELECT data->>'service' AS service, actor_client AS program FROM audit_events WHERE type = 'trading_account.credentials_revealed' AND resource = $1`,
        [`trading_account:${id}`],
      ),
    ).toEqual([{ service: 'Orders', program: service.id }]);
    expect(log.text()).toContain('RevealTradingCredentials');
    expect(foundIn(log.text(), { ...keys, accessToken })).toEqual([]);
  });

  it('leaves the access token out once it is over', async () => {
    const { id, keys } = await account();
    await consent(id);
    world.clock.move(24 * 3600);
    expect((await reveal(await tokenOf(world, service), id)).response).toEqual({ ...keys, accessToken: '' });
    [owner, admin] = [await world.signIn(owner), await world.signIn(admin)];
  });

  it('is NOT_FOUND without consent, after it was taken back, after its end, and for what is no account; a failure of the program is a fact', async () => {
    const { id } = await account();
    const before = await revealed();
    const failed = await factsOf(world, 'trading_account.reveal_failed');
    const token = await tokenOf(world, service);
    expect(await reveal(token, id)).toMatchObject({ code: 'NOT_FOUND', response: undefined });
    await consent(id);
    await trade(owner.client, 'unshareTradingAccount', { accountId: id, userId: service.id });
    expect((await reveal(token, id)).code).toBe('NOT_FOUND');
    await consent(id, { expiresAt: new Date(world.clock.now().getTime() + 60_000).toISOString() });
    world.clock.move(60);
    expect((await reveal(token, id)).code).toBe('NOT_FOUND');
    expect(await factsOf(world, 'trading_account.reveal_failed')).toBe(failed + 3);
    for (const none of ['', 'x', service.id]) expect((await reveal(token, none)).code).toBe('NOT_FOUND');
    expect([await revealed(), await factsOf(world, 'trading_account.reveal_failed')]).toEqual([before, failed + 3]);
  });

  it('is refused to people, to API keys, to a program without the permission or deleted, and to nobody’s token; no fact says otherwise', async () => {
    const { id } = await account();
    await consent(id);
    const before = await revealed();
    const { data } = await owner.client.ask(keyMutation, { input: { name: 'k', permissions: [] } });
    for (const token of [owner.accessToken, admin.accessToken, data.createApiKey.key])
      expect((await reveal(token, id)).code).toBe('PERMISSION_DENIED');
    expect((await reveal(await tokenOf(world, service, { scope: 'users.read' }), id)).code).toBe('PERMISSION_DENIED');
    expect((await reveal('none', id)).code).toBe('UNAUTHENTICATED');
    const token = await tokenOf(world, service);
    await admin.client.ask(deleteMutation, { id: service.id });
    expect((await reveal(token, id)).code).toBe('UNAUTHENTICATED');
    expect(await revealed()).toBe(before);
  });
});

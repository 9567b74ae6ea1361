/** What a client says of its device is kept as it may be kept, whatever it says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseUserAgent } from '../../../src/auth/sessions/device.ts';
import { stranger } from '../../kit/caller.ts';
import { openWorld, password, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const deviceOf = async (device: object) => {
  const person = await world.person();
  // By the domain itself: the front door lets no NUL pass.
  const answer = await world.house.auth.login.withPassword(stranger(), { email: person.email, password, device });
  if (answer.kind !== 'SignedIn') throw new Error(answer.kind);
  const [row] = await world.sql<{ device_name: string | null; device_fingerprint: string | null }>(
    'SELECT device_name, device_fingerprint FROM sessions WHERE id = $1',
    [answer.sessionId],
  );
  return row!;
};

describe('the name and fingerprint of a device', () => {
  it.each([
    ['are kept as they are', { name: 'Ada’s phone 📱', fingerprint: 'f-1' }, { device_name: 'Ada’s phone 📱', device_fingerprint: 'f-1' }],
    ['are nothing where they are empty', { name: '  ', fingerprint: '' }, { device_name: null, device_fingerprint: null }],
    [
      'lose control characters, which PostgreSQL or a terminal would choke on',
      { name: 'a\u0000b\u001b[31mc\n' },
      { device_name: 'ab[31mc' },
    ],
    ['lose halves of characters', { name: 'x\ud800y', fingerprint: '\udc00' }, { device_name: 'x\ufffdy', device_fingerprint: '\ufffd' }],
    ['are cut between characters, never inside one', { name: `x${'📱'.repeat(150)}` }, { device_name: `x${'📱'.repeat(99)}` }],
  ])('%s', async (_title, device, kept) => {
    expect(await deviceOf(device)).toMatchObject(kept);
  });
});

describe('a user agent', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', { browser: 'Firefox 140', os: 'Linux' }],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
      { browser: 'Chrome 131', os: 'Windows 10' },
    ],
    ['', { browser: null, os: null }],
    ['('.repeat(400), { browser: null, os: null }],
  ])('%s is told as a person would', (agent, told) => {
    expect(parseUserAgent(agent)).toEqual(told);
  });
});

/** The owner hears of a sign-in from a device that has not been seen before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Watch, watchChanges } from '../../kit/changes.ts';
import { clientOf } from '../../kit/client.ts';
import { loginMutation, openWorld, type Person, password, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
const firefox = (version: number) => `Mozilla/5.0 (X11; Linux x86_64; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;
/** The letters that a sign-in from there queues. */
const letters = async (person: Person, from: { fingerprint?: string; agent?: string }): Promise<string[]> => {
  const client = clientOf(world.url, from.agent ? { 'user-agent': from.agent } : {});
  const device = from.fingerprint ? { fingerprint: from.fingerprint } : undefined;
  const { answer, changed } = await watch(() => client.ask(loginMutation, { input: { email: person.email, password, device } }));
  expect(answer.data.login.__typename).toBe('SignedIn');
  return changed.letters;
};

describe('the letter about a new device', () => {
  it('is not sent at the first sign-in, is sent for another device, and not for one that is known', async () => {
    const person = await world.person();
    expect(await letters(person, { fingerprint: 'laptop' })).toEqual([]);
    expect(await letters(person, { fingerprint: 'phone' })).toEqual([`new-device to ${person.email}`]);
    expect(await letters(person, { fingerprint: 'phone' })).toEqual([]);
    expect(await letters(person, { fingerprint: 'laptop' })).toEqual([]);
    expect((await world.mail(person.email)).text).toContain('Firefox');
  });

  it('knows a device without a fingerprint by its browser and system, also after the browser’s update', async () => {
    const person = await world.person();
    expect(await letters(person, { agent: firefox(140) })).toEqual([]);
    expect(await letters(person, { agent: firefox(141) })).toEqual([]);
    expect(await letters(person, { agent: chrome })).toEqual([`new-device to ${person.email}`]);
  });

  it('is written in the language of its reader', async () => {
    const person = await world.person();
    await world.sql(`UPDATE users SET locale = 'de-AT' WHERE id = $1`, [person.id]);
    await letters(person, { fingerprint: 'laptop' });
    await letters(person, { fingerprint: 'phone' });
    expect((await world.mail(person.email)).html).toContain('lang="de"');
  });

  it('is not sent after a wrong password', async () => {
    const person = await world.person();
    await letters(person, { fingerprint: 'laptop' });
    const { changed } = await watch(() =>
      world.anonymous.ask(loginMutation, { input: { email: person.email, password: 'a wrong password', device: { fingerprint: 'x' } } }),
    );
    expect(changed.letters).toEqual([]);
    expect(await world.sql('SELECT 1 FROM devices WHERE user_id = $1', [person.id])).toHaveLength(1);
  });
});

/** What a sign-in says of its device: client-given, parsed from the user agent, and where it is. */
import { createHmac } from 'node:crypto';
import Bowser from 'bowser';
import { LRUCache } from 'lru-cache';
import type { Places } from '../../infra/ports.ts';
import type { Origin } from '../caller.ts';

/** `token`: what `verifyMfa` gave a device that is to be trusted. */
export type DeviceInput = { fingerprint?: string | null; name?: string | null; token?: string | null };
export type Device = {
  fingerprint: string | null;
  name: string | null;
  browser: string | null;
  os: string | null;
  country: string | null;
};

type Agent = { browser: string | null; os: string | null };
const parsed = new LRUCache<string, Agent>({ max: 500 });

const join = (...parts: (string | undefined)[]): string | null => parts.filter(Boolean).join(' ') || null;

/** Browser and system of a User-Agent header, such as `Firefox 140` and `Windows 10`; null where it does not say. */
export const parseUserAgent = (userAgent: string | null): Agent => {
  if (!userAgent) return { browser: null, os: null };
  const known = parsed.get(userAgent);
  if (known) return known;
  const { browser, os } = Bowser.parse(userAgent);
  const agent = {
    browser: join(browser.name, browser.version?.split('.')[0]),
    os: join(os.name, os.versionName ?? os.version),
  };
  parsed.set(userAgent, agent);
  return agent;
};

/** Well-formed, without control characters (PostgreSQL takes no NUL, a terminal obeys the others), at most so many characters. */
const clean = (text: string | null | undefined, most: number): string | null => {
  const kept =
    text
      ?.toWellFormed()
      .normalize('NFC')
      .replaceAll(/\p{Cc}/gu, '')
      .trim() ?? '';
  return [...kept].slice(0, most).join('') || null;
};

export const describeDevice = (places: Places, origin: Origin, input: DeviceInput | null | undefined): Device => ({
  fingerprint: clean(input?.fingerprint, 200),
  name: clean(input?.name, 100),
  ...parseUserAgent(origin.userAgent?.slice(0, 400) ?? null),
  country: places.place(origin.ip)?.country ?? null,
});

/** The key under which a user's device is remembered: its fingerprint where the client gave one, else its browser and system. */
export const deviceKey = (pepper: Buffer, device: Device): Buffer =>
  createHmac('sha256', pepper)
    .update(device.fingerprint ? `device\0${device.fingerprint}` : `agent\0${device.browser?.replace(/ \d+$/, '')}\0${device.os}`)
    .digest();

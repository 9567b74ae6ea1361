/** Forms that settings share. */
import { z } from 'zod';

/** Environment variables by name. */
export type Env = Record<string, string | undefined>;
/** The form of a setting, its default (undefined: none) and what it means. */
export type Setting = { schema: z.ZodType; initial?: string; what: string };

export const setting = <S extends z.ZodType>(schema: S, initial: string | undefined, what: string) => ({ schema, initial, what });
export const integer = (least: number, most = Number.MAX_SAFE_INTEGER) => z.coerce.number().int().min(least).max(most);
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
);
export const flag = z.enum(['on', 'off']).transform((text) => text === 'on');
export const rate = z
  .string()
  .regex(/^(off|[1-9]\d{0,6}\/[1-9]\d{0,6}s)$/, 'off, or N/Ts such as 5/900s')
  .transform((text): { limit: number; seconds: number } | null => {
    if (text === 'off') return null;
    const [limit, seconds] = text.slice(0, -1).split('/').map(Number);
    return { limit: limit as number, seconds: seconds as number };
  });
export const httpUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''));

/** Whether what is sent there can be read on the way: neither https nor to this machine. As `fetch` reads the address, not as it is spelled. */
export const isInTheClear = (url: string): boolean => {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol !== 'https:' && !/^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname);
};

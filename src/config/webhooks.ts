/** The setting of webhooks: which addresses that are not of the open internet may be sent to. */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { setting } from './forms.ts';

/** Of this machine and of a site (RFC 1918). What a cloud tells its machines (169.254.0.0/16, fd00:ec2::254, 100.100.100.200) is not in it: that has to be named. */
const usual = ['127.0.0.0/8', '::1/128', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

const isNetwork = (entry: string): boolean => {
  const [address = '', bits, ...more] = entry.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return more.length === 0 && most > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
};
const listOf = (entries: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const [family, most] = isIP(address) === 6 ? (['ipv6', 128] as const) : (['ipv4', 32] as const);
    list.addSubnet(address, bits === undefined ? most : Number(bits), family);
  }
  return list;
};

/** `false`: none. `true`: the usual private ones. Else addresses and CIDR ranges. */
const networks = z.string().transform((text, context): BlockList => {
  if (text === 'false') return listOf([]);
  if (text === 'true') return listOf(usual);
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.every(isNetwork)) return listOf(entries);
  context.addIssue({ code: 'custom', message: 'false, true, or addresses and CIDR ranges such as 10.1.0.0/16' });
  return z.NEVER;
});

export const webhookSettings = {
  WEBHOOK_ALLOW_PRIVATE: setting(
    networks,
    'false',
    'addresses beside those of the open internet that webhooks may be sent to: addresses and CIDR ranges; true: loopback and RFC 1918',
  ),
};

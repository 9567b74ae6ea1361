/** Where a request came from, believing X-Forwarded-For only as far as it passed through trusted proxies. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ConfigError } from '../config.ts';
import { canonical, networkOf } from '../infra/network.ts';

export type Address = { readonly ip: string; readonly network: string };
const nowhere: Address = { ip: '0.0.0.0', network: '0.0.0.0' };
/** A header longer than any honest chain of proxies is not walked to its end. */
const mostHops = 20;

const familyOf = (ip: string): 'ipv4' | 'ipv6' => (isIP(ip) === 6 ? 'ipv6' : 'ipv4');

const listOf = (entries: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const entry of entries) {
    const [base = '', bits] = entry.split('/');
    const ip = canonical(base);
    const most = isIP(base) === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : most + 1;
    if (ip === null || prefix > most) throw new ConfigError([`TRUSTED_PROXIES: "${entry}" is neither an address nor a CIDR range`]);
    // A mapped address' prefix counts from the start of the IPv6 form.
    list.addSubnet(ip, isIP(base) === 6 && isIP(ip) === 4 ? Math.max(0, prefix - 96) : prefix, familyOf(ip));
  }
  return list;
};

/** One entry of X-Forwarded-For: some proxies add the port. */
const hopOf = (entry: string): string | null => {
  const text = entry.trim();
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  if (bracketed) return canonical(bracketed[1] as string);
  return canonical(/^\d+\.\d+\.\d+\.\d+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text);
};

export const openAddresses = (trustedProxies: readonly string[]) => {
  const list = listOf(trustedProxies);
  const anyTrusted = trustedProxies.length > 0;
  const trusts = (ip: string): boolean => anyTrusted && list.check(ip, familyOf(ip));
  // A connection's own address does not change while it lasts.
  const known = new WeakMap<object, Address>();
  const addressOf = (ip: string): Address => ({ ip, network: networkOf(ip) });

  const peerOf = (req: IncomingMessage): Address => {
    let address = known.get(req.socket);
    if (!address) {
      const ip = canonical(req.socket.remoteAddress ?? '');
      // Gone already: nobody will read the answer.
      if (ip === null) return nowhere;
      address = addressOf(ip);
      known.set(req.socket, address);
    }
    return address;
  };

  return {
    /** The client's address: from the right of X-Forwarded-For, the first that is no trusted proxy's. */
    of: (req: IncomingMessage): Address => {
      const peer = peerOf(req);
      const forwarded = req.headers['x-forwarded-for'];
      if (!forwarded || !trusts(peer.ip)) return peer;
      const hops = String(forwarded).split(',').slice(-mostHops);
      let ip = peer.ip;
      while (trusts(ip)) {
        const entry = hops.pop();
        const hop = entry === undefined ? null : hopOf(entry);
        if (hop === null) break;
        ip = hop;
      }
      return ip === peer.ip ? peer : addressOf(ip);
    },
    /** Whether the connection itself is a trusted proxy's. */
    viaProxy: (req: IncomingMessage): boolean => anyTrusted && trusts(peerOf(req).ip),
    /** Whether it came from this machine and through no proxy, named or not. */
    local: (req: IncomingMessage): boolean =>
      req.headers['x-forwarded-for'] === undefined && req.headers['forwarded'] === undefined && /^(127\.|::1$)/.test(peerOf(req).ip),
  };
};
export type Addresses = ReturnType<typeof openAddresses>;

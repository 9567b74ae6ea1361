/** Addresses as text, and what counts as one network. */
import { isIP, SocketAddress } from 'node:net';

/** The canonical text (RFC 5952), an IPv4-mapped address as IPv4, no zone; null for what is no address. */
export const canonical = (text: string): string | null => {
  const bare = text.replace(/%.*$/, '');
  const kind = isIP(bare);
  if (kind === 0) return null;
  if (kind === 4) return bare;
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  return mapped ? (mapped[1] as string) : address;
};

/** One customer's network: an IPv4 address, or the /64 of an IPv6 one (RFC 6177 gives a site at least that). */
export const networkOf = (ip: string): string => {
  if (isIP(ip) !== 6) return ip;
  const [head = '', tail] = ip.split('::');
  const left = head ? head.split(':') : [];
  const right = tail ? tail.split(':') : [];
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array(Math.max(0, missing)).fill('0'), ...right].slice(0, 4);
  return `${groups.join(':')}::/64`;
};

/**
 * Which addresses a URL that somebody else chose may lead to: those of the open internet and no others (RFC 6890, IANA's registries of
 * special-purpose addresses), and what the operator opened beside them.
 */
import { BlockList, isIP } from 'node:net';
import { canonical } from '../network.ts';

const closed4 = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Where clouds tell a machine its secrets; Azure does so from a public address too.
  ['169.254.0.0', 16],
  ['168.63.129.16', 32],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved, broadcast.
  ['224.0.0.0', 3],
] as const)
  closed4.addSubnet(network, bits, 'ipv4');

/** Of IPv6 only what is given out as global unicast; translations of IPv4 (mapped, compatible, NAT64) lie outside of it. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
const closed6 = new BlockList();
for (const [network, bits] of [
  // IETF protocols, Teredo among them, whose addresses hold one of IPv4.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4, likewise.
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  closed6.addSubnet(network, bits, 'ipv6');

/** Whether something may be sent to an address, in any spelling; never to what is no address. */
export const openInternet =
  (opened: BlockList) =>
  (address: string): boolean => {
    // A zone names an interface of this machine, and an IPv4-mapped address is the IPv4 one.
    const ip = address.includes('%') ? null : canonical(address);
    if (ip === null) return false;
    if (isIP(ip) === 4) return opened.check(ip, 'ipv4') || !closed4.check(ip, 'ipv4');
    return opened.check(ip, 'ipv6') || (global6.check(ip, 'ipv6') && !closed6.check(ip, 'ipv6'));
  };

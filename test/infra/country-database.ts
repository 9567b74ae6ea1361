/** A MaxMind DB (https://maxmind.github.io/MaxMind-DB/) of IPv4 that knows one /8 network: `first`.0.0.0/8 is in `country`. */
const text = (value: string) => Buffer.concat([Buffer.from([(2 << 5) | value.length]), Buffer.from(value)]);
const uint16 = (value: number) => Buffer.from([(5 << 5) | 2, value >> 8, value & 255]);
const map = (entries: Record<string, Buffer>) =>
  Buffer.concat([
    Buffer.from([(7 << 5) | Object.keys(entries).length]),
    ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]),
  ]);

export const countryDatabase = (first: number, country: string): Buffer => {
  const nodeCount = 8;
  const separator = 16;
  const tree = Buffer.alloc(nodeCount * 6);
  for (let node = 0; node < nodeCount; node++) {
    const bit = (first >> (7 - node)) & 1;
    const next = node + 1 < nodeCount ? node + 1 : nodeCount + separator;
    tree.writeUIntBE(bit === 0 ? next : nodeCount, node * 6, 3);
    tree.writeUIntBE(bit === 1 ? next : nodeCount, node * 6 + 3, 3);
  }
  const metadata = map({
    binary_format_major_version: uint16(2),
    binary_format_minor_version: uint16(0),
    build_epoch: uint16(1),
    database_type: text('Test-Country'),
    ip_version: uint16(4),
    node_count: uint16(nodeCount),
    record_size: uint16(24),
  });
  return Buffer.concat([
    tree,
    Buffer.alloc(separator),
    map({ country: map({ iso_code: text(country) }) }),
    Buffer.from([0xab, 0xcd, 0xef]),
    Buffer.from('MaxMind.com'),
    metadata,
  ]);
};

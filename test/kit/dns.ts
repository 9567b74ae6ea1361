/** A name server on loopback (RFC 1035 §4): what it answers for a name may be another thing each time. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP, SocketAddress } from 'node:net';

const bytesOf = (address: string): Buffer => {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = new SocketAddress({ address, family: 'ipv6' }).address.split('::');
  const [left, right] = [head, tail].map((part) => (part ? part.split(':') : []));
  const groups = [...left!, ...Array(8 - left!.length - right!.length).fill('0'), ...right!];
  return Buffer.concat(groups.map((group) => Buffer.from(group.padStart(4, '0'), 'hex')));
};

/** `answer` gives the addresses of a name, and is called for each question (A and AAAA are two); null: it is not answered. */
export const startDns = async (answer: (name: string) => readonly string[] | null) => {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (message, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = message[at]!; length > 0; length = message[at]!) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    const type = message.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    asked.push(name);
    const found = answer(name);
    if (found === null) return;
    const records = found
      .filter((address) => isIP(address) === (type === 28 ? 6 : 4))
      .map((address) => {
        const bytes = bytesOf(address);
        // A pointer to the name of the question, class IN, a life of no seconds.
        return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length]), bytes]);
      });
    const header = Buffer.from(message.subarray(0, 12));
    header.writeUInt16BE(found.length > 0 ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([header, message.subarray(12, at + 5), ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    server: `127.0.0.1:${socket.address().port}`,
    asked,
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
};

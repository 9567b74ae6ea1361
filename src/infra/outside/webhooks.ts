/**
 * POSTs to URLs that somebody else chose. The name is looked up once, and connected is to one of the addresses that were looked at: a name that
 * answers otherwise the next time leads nowhere else. Nothing is followed, and whatever goes wrong is told by a word of a short list.
 */
import { Resolver } from 'node:dns/promises';
import { type ClientRequest, request as http, type IncomingMessage } from 'node:http';
import { request as https } from 'node:https';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import type { Posted, PostFailure, WebhookPost, WebhookSender } from '../ports.ts';
import { openInternet } from './open-internet.ts';

/** Of an answer; what it says is of no interest, but who hangs up on a server that still writes is no good client. */
const longestAnswer = 65_536;

class Failure extends Error {
  override readonly name = 'WebhookFailure';
  readonly told: PostFailure;
  constructor(told: PostFailure) {
    super(told);
    this.told = told;
  }
}

const tlsCodes = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_CA|HOSTNAME_MISMATCH|EPROTO)/;
const wordFor = (fault: unknown): PostFailure => {
  if (fault instanceof Failure) return fault.told;
  const code = String((fault as { code?: unknown } | null)?.code ?? '');
  if (tlsCodes.test(code)) return 'TLS';
  return code === 'ECONNREFUSED' ? 'connection refused' : 'connection failed';
};

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
/** Resolves once the answer has ended, or was long enough. */
const readBounded = (answer: IncomingMessage): Promise<void> =>
  new Promise((done, failed) => {
    let size = 0;
    answer.on('data', (part: Buffer) => {
      size += part.length;
      if (size <= longestAnswer) return;
      done();
      answer.destroy();
    });
    answer.on('end', done).on('error', failed);
  });

export type SenderSettings = {
  /** Networks beside the open internet. */
  opened: BlockList;
  /** For the whole exchange, from the lookup to the end of the answer. */
  timeoutMs?: number;
  /** In place of the system's. */
  dnsServers?: readonly string[];
};
export const createWebhookSender = ({ opened, timeoutMs = 10_000, dnsServers }: SenderSettings): WebhookSender => {
  const permits = openInternet(opened);
  // Not the system's lookup, which waits in the threads that hash passwords: a slow name server is its owner's to choose.
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (dnsServers) resolver.setServers(dnsServers);

  const addressesOf = async (hostname: string): Promise<string[]> => {
    if (isIP(hostname)) return [hostname];
    // RFC 6761 §6.3: never asked of a server.
    if (/^(.+\.)?localhost\.?$/.test(hostname)) return ['127.0.0.1', '::1'];
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  };
  const target = async (hostname: string): Promise<{ address: string; family: 4 | 6 }[]> => {
    const found = await addressesOf(hostname);
    if (found.length === 0) throw new Failure('name not found');
    const permitted = found.filter(permits);
    if (permitted.length === 0) throw new Failure('refused address');
    return permitted.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }));
  };

  const exchange = async ({ url, headers, body }: WebhookPost, signal: AbortSignal): Promise<Posted> => {
    const at = new URL(url);
    const addresses = await target(bare(at.hostname));
    signal.throwIfAborted();
    const lookup: LookupFunction = (_hostname, options, found) => {
      const [first] = addresses;
      if (options.all) found(null, addresses);
      else found(null, first?.address ?? '', first?.family ?? 4);
    };
    const answer = await new Promise<IncomingMessage>((answered, failed) => {
      const sent: ClientRequest = (at.protocol === 'https:' ? https : http)(at, {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
        rejectUnauthorized: true,
        lookup,
        signal,
      } as object);
      sent.once('response', answered).on('error', failed);
      // And once more, of what is connected to in the end.
      sent.once('socket', (socket) =>
        socket.once('connect', () => {
          if (!permits(socket.remoteAddress ?? '')) sent.destroy(new Failure('refused address'));
        }),
      );
      sent.end(body);
    });
    await readBounded(answer);
    return { kind: 'Answered', status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? null };
  };

  return {
    refuses: (url) => {
      const hostname = bare(new URL(url).hostname);
      return isIP(hostname) !== 0 && !permits(hostname);
    },
    post: async (given, stopping) => {
      const late = AbortSignal.timeout(timeoutMs);
      const signal = AbortSignal.any([late, stopping]);
      // A lookup cannot be called off: it is left behind.
      const over = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
      try {
        return await Promise.race([exchange(given, signal), over]);
      } catch (fault) {
        if (stopping.aborted) return { kind: 'Stopped' };
        return { kind: 'Failed', error: late.aborted ? 'timeout' : wordFor(fault) };
      }
    },
  };
};

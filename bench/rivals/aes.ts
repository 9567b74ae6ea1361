/**
 * Sealing and opening without any server around it, by a tiny HTTP interface so that it runs in a process of its own like the others: GET /raw/…
 * is AES-256-GCM of node:crypto with one key, GET /seal and /open/… the local KMS of Latchkey; `?seconds=`. One at a time: none of it waits.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalKms } from '../../src/infra/kms/local.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-kms-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'keys.json');
const [cached, uncached] = [createLocalKms({ file }), createLocalKms({ file }, { entries: 0, seconds: 0 })];

/** As long as a TOTP secret's base32; the same additional data for both. */
const plaintext = randomBytes(32);
const context = { purpose: 'totp_secret', id: '0199a1b2-0000-7000-8000-000000000001', owner: '0199a1b2-0000-7000-8000-000000000002' };
const aad = Buffer.from(JSON.stringify(context));
const key = randomBytes(32);
const rawSeal = (): Buffer => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
};
const rawSealed = rawSeal();
const sealed = await cached.seal(plaintext, context);

const works: Record<string, () => unknown> = {
  '/raw/seal': rawSeal,
  '/raw/open': () => {
    const decipher = createDecipheriv('aes-256-gcm', key, rawSealed.subarray(0, 12)).setAAD(aad).setAuthTag(rawSealed.subarray(-16));
    return Buffer.concat([decipher.update(rawSealed.subarray(12, -16)), decipher.final()]);
  },
  '/seal': () => cached.seal(plaintext, context),
  '/open/cached': () => cached.open(sealed, context),
  '/open/uncached': () => uncached.open(sealed, context),
};

/** Batches, so that the clock costs nothing; a latency is a batch's mean. */
const batch = 50;
const loop = async (work: () => unknown, seconds: number) => {
  const latencies: number[] = [];
  const began = performance.now();
  for (let sent = began; sent < began + seconds * 1000; ) {
    for (let i = 0; i < batch; i++) await work();
    const now = performance.now();
    latencies.push((now - sent) / batch);
    sent = now;
  }
  return { rate: (latencies.length * batch) / ((performance.now() - began) / 1000), latencies };
};

createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost');
  const work = works[pathname];
  if (!work) return void res.writeHead(404).end();
  res.end(JSON.stringify(await loop(work, Number(searchParams.get('seconds')))));
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('ready'));

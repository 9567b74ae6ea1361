import { randomBytes } from 'node:crypto';
import type { Cost } from './engine.ts';

// https://github.com/P-H-C/phc-string-format: $argon2id$v=19$m=19456,t=2,p=1$salt$hash; argon2 0.45 writes its parameters as m, p, t.
const form = /^\$(argon2(?:id|i|d))\$v=(\d+)\$([mtp]=\d+(?:,[mtp]=\d+){2})\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;
const version = 19;

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

/** Whether `phc` is an argon2 hash in a form that one of the libraries writes. */
export const isArgon2 = (phc: string): boolean => form.test(phc);

/** Whether `phc` is anything but argon2id v19 with just these costs. */
export const differs = (phc: string, { memoryKib, timeCost, parallelism }: Cost): boolean => {
  const [, algorithm, v, parameters = ''] = form.exec(phc) ?? [];
  const wanted = [`m=${memoryKib}`, `p=${parallelism}`, `t=${timeCost}`].join();
  return algorithm !== 'argon2id' || Number(v) !== version || parameters.split(',').sort().join() !== wanted;
};

/** The hash of no password: a random digest, which no password meets (2^-256), yet verifying against it does all the work. */
export const hashOfNothing = ({ memoryKib, timeCost, parallelism }: Cost): string =>
  `$argon2id$v=${version}$m=${memoryKib},t=${timeCost},p=${parallelism}$${base64(randomBytes(16))}$${base64(randomBytes(32))}`;

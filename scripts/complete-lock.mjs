// node complete-lock.mjs package-lock.json: adds the entries of optional platform packages that the registry here does not have,
// so that `npm ci` finds package.json and the lock in agreement. os/cpu/libc from the name, as their makers name them.
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.argv[2];
const lock = JSON.parse(readFileSync(file, 'utf8'));
const p = lock.packages;
const added = [];
const find = (from, name) => {
  for (let d = from; ; d = d.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const k = `${d ? `${d}/` : ''}node_modules/${name}`;
    if (p[k]) return k;
    if (!d) return null;
  }
};
const OS = {
  android: 'android',
  darwin: 'darwin',
  linux: 'linux',
  freebsd: 'freebsd',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  win32: 'win32',
  windows: 'win32',
  sunos: 'sunos',
  aix: 'aix',
  openharmony: 'openharmony',
};
for (const [from, entry] of Object.entries(p))
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (find(from, name)) continue;
    const parts = name.split('/').pop().split('-');
    const os = parts.map((x) => OS[x]).find(Boolean);
    const cpu =
      parts.find((x) => /^(x64|arm64|arm|ia32|ppc64|s390x|riscv64|loong64|wasm32|mips64el)$/.test(x)) ??
      (parts.includes('wasm32') ? 'wasm32' : undefined);
    if (!/^\d+\.\d+\.\d+/.test(range)) {
      console.log('range, left', name, range);
      continue;
    }
    p[`node_modules/${name}`] = {
      version: range,
      ...(cpu && { cpu: [cpu] }),
      ...(entry.dev && { dev: true }),
      ...(parts.some((x) => /musl/.test(x)) ? { libc: ['musl'] } : parts.some((x) => /^gnu/.test(x)) ? { libc: ['glibc'] } : {}),
      optional: true,
      ...(os && { os: [os] }),
    };
    added.push(name + (os ? '' : ' NO OS'));
  }
lock.packages = Object.fromEntries(Object.entries(p).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length, added.join(' '));

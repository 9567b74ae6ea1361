/** The gRPC server as a process: health, reflection, TLS, and how it starts and stops. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { grpcClient } from '../kit/grpc.ts';
import { freePort } from '../kit/ports.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { serviceOf, tokenOf } from '../kit/services.ts';
import { openWorld, type World } from '../kit/world.ts';

let world: World & { databaseUrl: string; keyFile: string };
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-grpc-'));
  world = await openWorld({ GRPC_PORT: '0' });
});
afterAll(async () => {
  await world?.close();
  rmSync(directory, { recursive: true, force: true });
});
const start = (settings: Record<string, string>): Promise<ServerProcess> =>
  startServer({ DATABASE_URL: world.databaseUrl, KMS_MASTER_KEY_FILE: world.keyFile, DATA_DIR: directory, ...settings });
const here = () => grpcClient(`127.0.0.1:${world.house.grpc!.port}`);

describe('health', () => {
  it('is SERVING for the server and each service, by name, and unknown for others, without a token', async () => {
    const client = here();
    for (const name of ['', 'latchkey.v1.Identity', 'envoy.service.auth.v3.Authorization', 'grpc.health.v1.Health'])
      expect((await client.health(name)).response).toEqual({ status: 'SERVING' });
    expect((await client.health('no.such.Service')).code).toBe('NOT_FOUND');
    const { statuses } = (await client.call('grpc.health.v1.Health/List', {})).response;
    expect(Object.keys(statuses)).toHaveLength(4);
    client.close();
  });

  it('is NOT_SERVING while PostgreSQL is away, and SERVING again after, for a watcher too', async () => {
    const client = here();
    const watch = client.watch('latchkey.v1.Identity');
    const unknown = client.watch('no.such.Service');
    await vi.waitFor(() => expect([watch.heard, unknown.heard]).toEqual([['SERVING'], ['SERVICE_UNKNOWN']]));
    const away = vi.spyOn(world.house.infra.database, 'ping').mockImplementation(() => Promise.reject(new Error('away')));
    expect((await client.health('')).response.status).toBe('NOT_SERVING');
    await vi.waitFor(() => expect(watch.heard).toEqual(['SERVING', 'NOT_SERVING']), 3_000);
    away.mockRestore();
    await vi.waitFor(() => expect(watch.heard).toEqual(['SERVING', 'NOT_SERVING', 'SERVING']), 3_000);
    watch.cancel();
    unknown.cancel();
    expect(await watch.ended).toBe('CANCELLED');
    client.close();
  });

  it('is watched by a hundred and no more, and by others once those have gone', async () => {
    const client = here();
    const watches = Array.from({ length: 100 }, () => client.watch(''));
    await vi.waitFor(() => expect(watches.every(({ heard }) => heard.length === 1)).toBe(true));
    expect(await client.watch('').ended).toBe('RESOURCE_EXHAUSTED');
    for (const each of watches) each.cancel();
    await vi.waitFor(async () => {
      const again = client.watch('');
      await vi.waitFor(() => expect(again.heard).toEqual(['SERVING']), 500);
      again.cancel();
    }, 3_000);
    client.close();
  });
});

describe('reflection', () => {
  it('lists the services, and gives the file that defines one', async () => {
    const client = here();
    const names = await client.reflect({ listServices: '' });
    expect(names.listServicesResponse.service.map(({ name }: { name: string }) => name).sort()).toEqual(
      expect.arrayContaining(['envoy.service.auth.v3.Authorization', 'grpc.health.v1.Health', 'latchkey.v1.Identity']),
    );
    const file = await client.reflect({ fileContainingSymbol: 'latchkey.v1.Identity' });
    expect(Buffer.concat(file.fileDescriptorResponse.fileDescriptorProto).toString('latin1')).toContain('BatchCheck');
    client.close();
  });
});

describe('the server', () => {
  it('finishes what runs on SIGTERM, tells who watches, ends the watch, and exits with 0', { timeout: 40_000 }, async () => {
    const port = await freePort();
    const server = await start({ GRPC_PORT: String(port) });
    expect(server.output()).toContain(`gRPC:         127.0.0.1:${port}`);
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    const token = await tokenOf(world, await serviceOf(admin.client, ['permissions.check']));
    const client = grpcClient(`127.0.0.1:${port}`);
    const watch = client.watch('');
    await vi.waitFor(() => expect(watch.heard).toEqual(['SERVING']));
    let stopping = false;
    const codes = new Set<string>();
    let answered = 0;
    const lanes = Array.from({ length: 4 }, async () => {
      for (;;) {
        const checks = Array.from({ length: 50 }, () => ({ permission: 'users.read', userId: admin.id }));
        const { code, response } = await client.identity('BatchCheck', { checks }, { token });
        if (code !== 'OK') {
          // The listener is gone: this one never began.
          if (!stopping || code !== 'UNAVAILABLE') codes.add(code);
          return;
        }
        expect(response.results).toHaveLength(50);
        answered += 1;
      }
    });
    await vi.waitFor(() => expect(answered).toBeGreaterThan(20), 5_000);
    stopping = true;
    const began = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(8_000);
    await Promise.all(lanes);
    expect([...codes]).toEqual([]);
    expect([watch.heard, await watch.ended]).toEqual([['SERVING', 'NOT_SERVING'], 'OK']);
    client.close();
  });

  it('says in a sentence that its port is taken or its files are none, and does not start', { timeout: 40_000 }, async () => {
    const taken = String(world.house.grpc!.port);
    const files = { GRPC_TLS_CERT_FILE: '/nowhere/cert.pem', GRPC_TLS_KEY_FILE: '/nowhere/key.pem' };
    await Promise.all([
      expect(start({ GRPC_PORT: taken })).rejects.toThrow(`GRPC_PORT ${taken} cannot be listened on at 127.0.0.1`),
      expect(start({ GRPC_PORT: '0', ...files })).rejects.toThrow('GRPC_TLS_CERT_FILE cannot be read (ENOENT)'),
    ]);
    expect(() => readConfig({ GRPC_TLS_CERT_FILE: 'x' })).toThrow('GRPC_TLS_KEY_FILE: must be set with GRPC_TLS_CERT_FILE');
    expect(() => readConfig({ GRPC_TLS_CLIENT_CA_FILE: 'x' })).toThrow('GRPC_TLS_CERT_FILE: must be set with GRPC_TLS_CLIENT_CA_FILE');
  });

  it('speaks TLS with its certificate, and to clients of its authority alone', async () => {
    const file = (name: string) => join(directory, name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...key, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem');
    for (const name of ['localhost', 'client']) {
      const from = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', `subjectAltName=DNS:${name}`];
      openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`, ...from);
    }
    const tls = await openWorld({
      GRPC_PORT: '0',
      GRPC_TLS_CERT_FILE: file('localhost.pem'),
      GRPC_TLS_KEY_FILE: file('localhost.key'),
      GRPC_TLS_CLIENT_CA_FILE: file('ca.pem'),
    });
    const [ca, clientKey, clientCert] = ['ca.pem', 'client.key', 'client.pem'].map((name) => readFileSync(file(name)));
    const codeBy = async (channel: ReturnType<typeof credentials.createSsl>): Promise<string> => {
      const client = grpcClient(`localhost:${tls.house.grpc!.port}`, channel);
      const { code } = await client.health('');
      client.close();
      return code;
    };
    expect(await codeBy(credentials.createSsl(ca!, clientKey!, clientCert!))).toBe('OK');
    expect(await codeBy(credentials.createSsl(ca!))).toBe('UNAVAILABLE');
    expect(await codeBy(credentials.createInsecure())).toBe('UNAVAILABLE');
    await tls.close();
  });

  it('is not there where GRPC_PORT is not set', async () => {
    const quiet = await openWorld();
    expect(quiet.house.grpc).toBeNull();
    await quiet.close();
  });
});

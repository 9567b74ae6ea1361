/** TLS of the gRPC port, where its files are set; else none, for a private network or a mesh that brings its own. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Config } from '../config.ts';
import { type Log, StartError } from '../infra/ports.ts';

const read = (setting: string, path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartError(`${setting} cannot be read (${(error as NodeJS.ErrnoException).code}): ${path}`);
  }
};

/** Throws a `StartError` for files that cannot be read or do not fit. They are read once: a new certificate wants a restart. */
export const credentialsOf = (config: Config, log: Log): ServerCredentials => {
  const { GRPC_TLS_CERT_FILE: certFile, GRPC_TLS_KEY_FILE: keyFile, GRPC_TLS_CLIENT_CA_FILE: caFile } = config;
  if (!certFile || !keyFile) {
    if (config.production)
      log.warn({}, 'gRPC has no TLS: tokens cross the network in clear, unless a mesh or this machine alone carries them');
    return ServerCredentials.createInsecure();
  }
  const [cert, key] = [read('GRPC_TLS_CERT_FILE', certFile), read('GRPC_TLS_KEY_FILE', keyFile)];
  const ca = caFile ? read('GRPC_TLS_CLIENT_CA_FILE', caFile) : null;
  try {
    createSecureContext({ cert, key, ...(ca && { ca }) });
  } catch (error) {
    throw new StartError(`GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE cannot be used: ${(error as NodeJS.ErrnoException).code ?? 'no PEM'}`);
  }
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], ca !== null);
};

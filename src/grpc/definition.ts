/** The services as the files in `proto/` define them, read at the start: there is no generated code. */
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { protoPath as healthPath } from 'grpc-health-check';

/** What a request is read as whose bytes are no message of its type. */
export const malformed = Symbol('malformed');

export const serviceNames = {
  identity: 'latchkey.v1.Identity',
  envoy: 'envoy.service.auth.v3.Authorization',
  health: 'grpc.health.v1.Health',
} as const;

/** Left to itself the library answers bytes that are no message with INTERNAL, as though the fault were ours. */
const forgiving = (service: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(
    Object.entries(service).map(([name, method]) => {
      const requestDeserialize = (bytes: Buffer): unknown => {
        try {
          return method.requestDeserialize(bytes);
        } catch {
          return malformed;
        }
      };
      return [name, { ...method, requestDeserialize }];
    }),
  );

export const readDefinitions = () => {
  const directory = fileURLToPath(new URL('../../proto', import.meta.url));
  const files = ['latchkey/v1/identity.proto', 'envoy/service/auth/v3/external_auth.proto', healthPath];
  const all: PackageDefinition = loadSync(files, { includeDirs: [directory], longs: Number, enums: String, defaults: true });
  const service = (name: string) => forgiving(all[name] as unknown as ServiceDefinition);
  return { all, identity: service(serviceNames.identity), envoy: service(serviceNames.envoy), health: service(serviceNames.health) };
};

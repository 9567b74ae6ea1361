/** A real client of gRPC, made from the files that the server publishes to its users. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type ChannelCredentials, Client, credentials, type Deadline, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';

const definitions = loadSync(['latchkey/v1/identity.proto', 'envoy/service/auth/v3/external_auth.proto', protoPath], {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
  longs: Number,
  enums: String,
  defaults: true,
});
type Method = { path: string; requestSerialize(value: object): Buffer; responseDeserialize(bytes: Buffer): unknown };
const methodOf = (path: string): Method => {
  const [service = '', name = ''] = path.split('/');
  return (definitions[service] as unknown as Record<string, Method>)[name] as Method;
};

/** Of the file that the reflection's package has. */
const reflection = (): Method => {
  const file = createRequire(import.meta.url).resolve('@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto');
  return (loadSync(file, { longs: Number })['grpc.reflection.v1.ServerReflection'] as unknown as Record<string, Method>)[
    'ServerReflectionInfo'
  ]!;
};

/** The name of the status; OK with a response. */
// biome-ignore lint/suspicious/noExplicitAny: responses are read by tests
export type GrpcAnswer = { code: string; details: string; response: any; trailer: Metadata };
export type CallOptions = { token?: string; authorization?: string; deadline?: Deadline; bytes?: Buffer };

const metadataOf = ({ token, authorization }: CallOptions): Metadata => {
  const metadata = new Metadata();
  const value = authorization ?? (token && `Bearer ${token}`);
  if (value) metadata.set('authorization', value);
  return metadata;
};

export const grpcClient = (address: string, channel: ChannelCredentials = credentials.createInsecure()) => {
  const client = new Client(address, channel);
  /** `path`: package.Service/Method. `bytes` are sent in place of the request. */
  const call = (path: string, request: object, options: CallOptions = {}): Promise<GrpcAnswer> =>
    new Promise((resolve) => {
      const { path: full, requestSerialize, responseDeserialize } = methodOf(path);
      const serialize = options.bytes ? () => options.bytes as Buffer : requestSerialize;
      const deadline = options.deadline ?? Date.now() + 10_000;
      let answer: { error: ServiceError | null; response: unknown } | undefined;
      client
        .makeUnaryRequest(full, serialize, responseDeserialize, request, metadataOf(options), { deadline }, (error, response) => {
          answer = { error, response };
        })
        .on('status', ({ code, details, metadata }) => {
          // The callback is called in the same turn, after this.
          setImmediate(() => resolve({ code: status[code] as string, details, response: answer?.response, trailer: metadata }));
        });
    });
  return {
    call,
    identity: (name: 'Check' | 'BatchCheck' | 'Introspect' | 'RevealTradingCredentials', request: object, options?: CallOptions) =>
      call(`latchkey.v1.Identity/${name}`, request, options),
    envoy: (attributes: object, options?: CallOptions) => call('envoy.service.auth.v3.Authorization/Check', { attributes }, options),
    health: (service: string) => call('grpc.health.v1.Health/Check', { service }),
    /** What a watch of health hears; `ended` is its status. */
    watch: (service: string) => {
      const { path, requestSerialize, responseDeserialize } = methodOf('grpc.health.v1.Health/Watch');
      const heard: string[] = [];
      const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize as (bytes: Buffer) => object, { service });
      stream.on('data', (answer: { status: string }) => heard.push(answer.status));
      stream.on('error', () => {});
      const ended = new Promise<string>((resolve) => stream.on('status', ({ code }) => resolve(status[code] as string)));
      return { heard, ended, cancel: () => stream.cancel() };
    },
    /** One question to the reflection service, and its answer. */
    // biome-ignore lint/suspicious/noExplicitAny: responses are read by tests
    reflect: (request: object): Promise<any> =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = reflection();
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
        stream.on('data', (answer) => {
          resolve(answer);
          stream.end();
        });
        stream.on('error', reject);
        stream.write(request);
      }),
    close: () => client.close(),
  };
};
export type GrpcClient = ReturnType<typeof grpcClient>;

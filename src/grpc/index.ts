/** The door of the gRPC door. */
export type { GrpcDoor } from './house.ts';
export { openGrpcDoor } from './server.ts';

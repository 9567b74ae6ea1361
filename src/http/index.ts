/** The door of the front door. */
export type { FrontDoor, House } from './house.ts';
export { openFrontDoor } from './server.ts';

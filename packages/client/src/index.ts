export {
  connect,
  type Client,
  type ConnectOptions,
  type ConsoleOptions,
  type OpenOptions,
} from './client.ts';
export type { Console } from './console.ts';
export type { Events } from './events.ts';
export type { FollowingStatus } from './following/status.ts';
export { limits } from './limits.ts';
export type { SessionSnapshot } from './opened.ts';
export { RefusedError } from './refused-error.ts';
export type { Session } from './session.ts';
export type { ConsoleSnapshot } from './watched.ts';

export {
  connect,
  type Client,
  type ConnectOptions,
  type ConsoleOptions,
  type OpenOptions,
} from './client.ts';
export type { Console } from './console/console.ts';
export type { SessionEvents } from './session/session-events.ts';
export type { SubscriptionStatus } from './session/state.ts';
export { limits } from './limits.ts';
export type { SessionSnapshot } from './session/session-subscription.ts';
export type { Token } from './token-source.ts';
export { RefusedError } from './refused-error.ts';
export type { Session } from './session/session.ts';
export type { ConsoleSnapshot } from './console/console-subscription.ts';

export { connect, type Client, type ConnectOptions, type OpenOptions } from './client.ts';
export type { Events } from './events.ts';
export type { FollowingStatus } from './following/status.ts';
export { limits } from './limits.ts';
export { RefusedError } from './refused-error.ts';
export type { Session, SessionSnapshot } from './session.ts';

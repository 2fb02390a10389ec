export { sessionCache, type QueryClientPart, type SessionCache } from '../session-cache.ts';
export { ClientProvider, useClient } from './context.ts';
export { useSession, type UsedSession } from './use-session.ts';
export { useSessions } from './use-sessions.ts';
export { useTyping, type UsedTyping } from './use-typing.ts';

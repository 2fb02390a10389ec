import { evolveSession, type SessionView } from '@playhead/contract';

/**
 * A session's view before anything is known of it. A read model that keeps some of a view's fields
 * puts them into this one to have it go on.
 */
export const BLANK_SESSION: SessionView = evolveSession(undefined, {
  ...{ id: '', sessionId: '', revision: 0, position: '', type: '', v: 1, data: {} },
  meta: { at: '', actor: '', commandId: '' },
});

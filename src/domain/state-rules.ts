import type { Activity } from '@playhead/contract';
import type { AskedCommand } from './session-commands.ts';
import type { Lifecycle } from './session-state.ts';

const begun: readonly Lifecycle[] = ['active', 'idle', 'ended'];
const open: readonly Lifecycle[] = ['active', 'idle'];
const active: readonly Lifecycle[] = ['active'];

/** In which states of a session each command is taken; in all others it is refused. */
export const allowedIn: Readonly<Record<AskedCommand['type'], readonly Lifecycle[]>> = {
  'session.start': ['none'],
  'session.rename': begun,
  'session.label': begun,
  'session.set-state': active,
  'session.set-provider': open,
  'session.cancel': active,
  'session.raise-error': open,
  'session.idle': active,
  'session.resume': ['idle'],
  'session.end': open,
  'participant.join': open,
  'participant.leave': begun,
  'message.post': active,
  'message.start': active,
  // What was begun can be finished: the text of a message is not lost with its session.
  'append-chunks': begun,
  'message.complete': begun,
  'message.fail': begun,
  'tool.call': active,
  'tool.output': begun,
  'tool.finish': begun,
};

/** What an open session may turn to; turning to what it is already changes nothing. */
export const transitions: Readonly<Record<Activity, readonly Activity[]>> = {
  idle: ['working'],
  working: ['idle', 'error'],
  error: ['working', 'idle'],
};

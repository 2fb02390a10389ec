import { agentpipeChatLog } from './formats/agentpipe-chat-log.ts';
import { agentpipeEvents } from './formats/agentpipe-events.ts';
import { agentpipeState } from './formats/agentpipe-state.ts';
import { claudeCode } from './formats/claude-code.ts';
import { playheadEvents } from './formats/playhead-events.ts';
import type { ImportFormats } from './read-file.ts';

/** Every format that can be imported; the first that recognises a file reads it. */
export const formats: ImportFormats = {
  texts: [agentpipeChatLog],
  lines: [playheadEvents, agentpipeEvents, claudeCode],
  documents: [agentpipeState],
};

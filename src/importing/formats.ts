import { agentpipeChatLog } from './formats/agentpipe-chat-log.ts';
import { agentpipeEvents } from './formats/agentpipe-events.ts';
import { agentpipeState } from './formats/agentpipe-state.ts';
import { chatGpt } from './formats/chatgpt.ts';
import { claudeAi } from './formats/claude-ai.ts';
import { claudeCode } from './formats/claude-code.ts';
import { codex } from './formats/codex.ts';
import { messageListDocument, messageListLines } from './formats/message-list.ts';
import { opencode } from './formats/opencode.ts';
import { playheadEvents } from './formats/playhead-events.ts';
import { sweAgent } from './formats/swe-agent.ts';
import type { ImportFormats } from './read-file.ts';

/** Every format that can be imported; the first that recognises a file reads it. */
export const formats: ImportFormats = {
  texts: [agentpipeChatLog],
  lines: [playheadEvents, agentpipeEvents, claudeCode, codex, messageListLines],
  documents: [agentpipeState, sweAgent, opencode, claudeAi, chatGpt, messageListDocument],
};

import type { MessageView } from '@playhead/contract';
import {
  kindOf,
  messageFacts,
  nameOf,
  readable,
  sessionFacts,
  speakerOf,
  totalFacts,
  type Fact,
} from './facts.ts';
import type { Transcript } from './transcript.ts';

/**
 * A transcript as Markdown. What people and agents wrote stands in code blocks, whose fences are
 * longer than any in the text, so that no text can end its own block.
 */
export async function* transcriptMarkdown(
  { session, participants, messages }: Transcript,
  exportedAt: Date,
): AsyncGenerator<string> {
  const { name, sessionId, prompt, summary } = session;
  yield `# ${inline(name ?? sessionId)}\n\n${factLines(sessionFacts(session, exportedAt))}\n`;
  yield `\n## Summary\n\n${totalFacts(session).map(bullet).join('')}`;
  yield '\n## Participants\n\n';
  for (const participant of participants) {
    const kind = inline(kindOf(participant));
    yield `- **${inline(nameOf(participant))}**${kind && ` (${kind})`}\n`;
  }
  if (prompt) yield `\n## Prompt\n\n${fenced(prompt)}`;
  if (summary?.text) yield `\n## AI Summary\n\n${fenced(summary.text)}`;
  yield '\n## Conversation\n';
  let isFirst = true;
  for await (const page of messages) {
    for (const message of page) {
      yield `${isFirst ? '' : '\n---\n'}\n${section(message)}`;
      isFirst = false;
    }
  }
}

function section(message: MessageView): string {
  const { agentType, content } = message;
  const type = agentType === null ? '' : ` (${inline(agentType)})`;
  const head = `### ${inline(speakerOf(message))}${type}\n\n${factLines(messageFacts(message))}`;
  return `${head}\n\n${fenced(content)}`;
}

/** Lines of a paragraph; two spaces keep them apart. */
const factLines = (facts: readonly Fact[]): string =>
  facts.map(([label, value]) => `**${label}:** ${inline(value)}`).join('  \n');

const bullet = ([label, value]: Fact): string => `- **${label}:** ${inline(value)}\n`;

/** What Markdown or HTML in a line would begin or end with; it never stands at the beginning. */
const MARKUP = /[\\`*_[\]<>&#|~!]/g;

/** Text within a line, as it is. */
const inline = (text: string): string =>
  readable(text.replace(/\s+/g, ' ').trim()).replace(MARKUP, '\\$&');

const FENCE_LENGTH_MIN = 3;

/** Text as a block of its own. */
function fenced(text: string): string {
  let length = FENCE_LENGTH_MIN;
  for (const [run] of text.matchAll(/`+/g)) length = Math.max(length, run.length + 1);
  const fence = '`'.repeat(length);
  return `${fence}text\n${readable(text)}\n${fence}\n`;
}

import { createHash } from 'node:crypto';
import type { MessageView, ParticipantView } from '@playhead/contract';
import { Html, html } from '../documents/html.ts';
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

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
dl { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .5rem 0; font-size: .9rem; }
dl > div { overflow-wrap: anywhere; }
dt, dd { display: inline; margin: 0; }
dt { opacity: .75; }
dt::after { content: ": "; }
article { border: 1px solid var(--line); border-radius: 6px; margin: .8rem 0; padding: 0 .8rem; }
article h3 { margin: .5rem 0; font-size: 1rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; margin: .5rem 0; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  h2, h3, dl { break-after: avoid; }
}
`;

/** Neither scripts nor anything from elsewhere, whatever the page holds. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  ...["base-uri 'none'", "form-action 'none'"],
].join('; ');

/** A transcript as a page in one file that runs nothing, asks nobody for anything, and prints. */
export async function* transcriptHtml(
  { session, participants, messages }: Transcript,
  exportedAt: Date,
): AsyncGenerator<string> {
  const { name, sessionId, prompt, summary } = session;
  const title = readable(name ?? sessionId);
  yield headOf(title);
  yield html`<h1>${title}</h1>
    ${factList(sessionFacts(session, exportedAt))}
    <h2>Summary</h2>
    ${factList(totalFacts(session))}`.text;
  yield html`<h2>Participants</h2>`.text;
  yield html`<ul>
    ${participants.map(participantHtml)}
  </ul>`.text;
  if (prompt) yield html`<h2>Prompt</h2>`.text + textHtml(prompt).text;
  if (summary?.text) yield html`<h2>AI Summary</h2>`.text + textHtml(summary.text).text;
  yield html`<h2>Conversation</h2>`.text;
  for await (const page of messages) {
    for (const message of page) yield messageHtml(message).text;
  }
  yield '</body></html>\n';
}

/** The file up to its first heading. */
const headOf = (title: string): string =>
  [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    html`<meta http-equiv="Content-Security-Policy" content="${POLICY}" />`.text,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    html`<title>${title}</title>`.text,
    `<style>${STYLE}</style></head><body>`,
  ].join('\n');

const participantHtml = (participant: ParticipantView): Html => {
  const kind = readable(kindOf(participant));
  return html`<li><b>${readable(nameOf(participant))}</b>${kind && ` (${kind})`}</li>`;
};

function messageHtml(message: MessageView): Html {
  const { agentType, content } = message;
  const speaker = `${speakerOf(message)}${agentType === null ? '' : ` (${agentType})`}`;
  return html`
    <article>
      <h3>${readable(speaker)}</h3>
      ${factList(messageFacts(message))} ${textHtml(content)}
    </article>
  `;
}

const factList = (facts: readonly Fact[]): Html =>
  html`<dl>
    ${facts.map(
      ([label, value]) =>
        html`<div>
          <dt>${label}</dt>
          <dd>${readable(value)}</dd>
        </div>`,
    )}
  </dl>`;

/** Not as a template: every space between the tags would be shown. */
const textHtml = (text: string): Html => {
  const { text: escaped } = html`${readable(text)}`;
  return new Html(`<div class="text" dir="auto">${escaped}</div>`);
};

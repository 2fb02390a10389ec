import { entryOf, idOfText, messageReport, type Imported } from '../imported-entry.ts';
import type { TextFormat, TextReader } from '../import-format.ts';
import { participantIn, speakerOf } from './agentpipe-speakers.ts';

const HEADER = '=== AgentPipe Chat Log ===';
const FOOTER = '=== Chat Ended ===';
const MESSAGE = /^\[(\d\d:\d\d:\d\d)\] (.*?) \(([a-z]+)\): (.*)$/;

/**
 * Chat logs of the AgentPipe CLI, `~/.agentpipe/chats/chat_<date>.log`. They have the local time of
 * the machine without saying which: it is taken for UTC. They hold no ids, so a session is known by
 * when it began and its first message, and a message by its place.
 */
export const agentpipeChatLog: TextFormat = {
  name: 'AgentPipe chat log',
  detects: (line) => line.trim() === HEADER,
  open: () => new ChatLog(),
};

interface Block {
  readonly at: string;
  readonly name: string;
  readonly role: string;
  readonly lines: string[];
}

class ChatLog implements TextReader {
  #started = '';
  #sessionId: string | undefined;
  #block: Block | undefined;
  #messages = 0;
  #day = 0;
  #last = '';
  #hasEnded = false;

  *line(text: string): Iterable<Imported> {
    const started = /^Started: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)$/.exec(text)?.[1];
    const ended = /^Ended: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)$/.exec(text)?.[1];
    const [, at, name, role, first] = MESSAGE.exec(text) ?? [];
    if (this.#hasEnded) {
      if (ended !== undefined) yield* this.#ending(instantOf(ended));
      return;
    }
    if (started !== undefined && this.#started === '') {
      this.#started = started;
    } else if (at !== undefined && this.#started !== '') {
      yield* this.#finish();
      this.#block = { at, name: name ?? '', role: role ?? '', lines: [first ?? ''] };
    } else if (text === FOOTER) {
      yield* this.#finish();
      this.#hasEnded = true;
    } else if (this.#block) this.#block.lines.push(text);
    else if (text.trim() !== '' && text !== HEADER && !/^=+$/.test(text)) {
      yield { unreadable: `before the first message: ${text.slice(0, 60)}` };
    }
  }

  *end(): Iterable<Imported> {
    yield* this.#finish();
  }

  *#ending(occurredAt: string): Iterable<Imported> {
    if (this.#sessionId === undefined) return;
    const end = { as: 'completed' } as const;
    yield entryOf(this.#sessionId, 'end', { type: 'report-end', end }, { occurredAt });
  }

  *#finish(): Iterable<Imported> {
    const block = this.#block;
    if (!block) return;
    this.#block = undefined;
    const content = block.lines.join('\n').trimEnd();
    this.#sessionId ??= idOfText(
      JSON.stringify(['agentpipe-chat-log', this.#started, block.name, content]),
    );
    const sessionId = this.#sessionId;
    if (this.#messages === 0) {
      const start = { mode: 'chat-log' };
      const report = { type: 'report-start', start, participants: [] } as const;
      yield entryOf(sessionId, 'start', report, { occurredAt: instantOf(this.#started) });
    }
    this.#messages += 1;
    // A torn last message has another text when the whole file is read later.
    const key = `message ${this.#messages} ${idOfText(content)}`;
    const report = messageReport({
      messageId: idOfText(JSON.stringify([sessionId, key])),
      ...speakerOf(block.role),
      author: participantIn({ name: block.name }),
      content,
      sequence: this.#messages,
    });
    yield entryOf(sessionId, key, report, { occurredAt: this.#instant(block.at) });
  }

  /** Lines have only a time of day: an earlier one than the last is of the next day. */
  #instant(time: string): string {
    if (time < (this.#last || this.#started.slice(11))) this.#day += 1;
    this.#last = time;
    const day = new Date(`${this.#started.slice(0, 10)}T00:00:00Z`).getTime();
    const date = new Date(day + this.#day * 24 * 3_600_000);
    const isDate = !Number.isNaN(date.getTime());
    return `${isDate ? date.toISOString().slice(0, 10) : this.#started.slice(0, 10)}T${time}Z`;
  }
}

const instantOf = (text: string): string => `${text.replace(' ', 'T')}Z`;

import {
  definedFields,
  entryOf,
  idOfText,
  messageReport,
  type Imported,
} from '../imported-entry.ts';
import { countIn, listIn, rowOf, textIn, type DocumentFormat, type Row } from '../import-format.ts';
import { participantIn, speakerOf } from './agentpipe-speakers.ts';

/**
 * What the AgentPipe CLI saves with `--state-file`. It holds no ids: a session is known by when it
 * began and its prompt, a message by its place.
 */
export const agentpipeState: DocumentFormat = {
  name: 'AgentPipe state file',
  detects(value) {
    const { messages, config, saved_at } = rowOf(value) ?? {};
    return Array.isArray(messages) && rowOf(config) !== undefined && typeof saved_at === 'string';
  },
  *read(value) {
    const { messages, config, metadata, ...rest } = rowOf(value) ?? {};
    const { Agents, Orchestrator, ...settings } = rowOf(config) ?? {};
    const { Mode, MaxTurns, InitialPrompt } = rowOf(Orchestrator) ?? {};
    const facts = rowOf(metadata) ?? {};
    const startedAt = textIn(facts['started_at']);
    const [first] = listIn(messages);
    const sessionId = idOfText(
      JSON.stringify(['agentpipe-state', startedAt ?? first, InitialPrompt, Agents]),
    );
    const start = definedFields<{ mode: string; prompt?: string; maxTurns?: number }>({
      mode: textIn(Mode) ?? 'round-robin',
      prompt: textIn(InitialPrompt),
      maxTurns: countIn(MaxTurns),
    });
    // When it was saved, and how much there was then, is another thing each time.
    const { saved_at, ...kept } = rest;
    const extra = { ...kept, config: { ...settings, Orchestrator } };
    const participants = listIn(Agents).flatMap((agent) => participantsOf(rowOf(agent)));
    yield entryOf(
      sessionId,
      'start',
      { type: 'report-start', start: { ...start, extra }, participants },
      { occurredAt: startedAt },
    );
    yield* messagesOf(listIn(messages), sessionId);
    const note = { kind: 'agentpipe state', extra: { ...facts, saved_at } };
    const saved = `saved ${JSON.stringify(note)}`;
    yield entryOf(
      sessionId,
      saved,
      { type: 'report-note', note },
      { occurredAt: textIn(saved_at) },
    );
  },
};

function participantsOf(agent: Row | undefined) {
  if (!agent) return [];
  const { ID, Type, Name, Model, Prompt, ...extra } = agent;
  const participant = participantIn({ id: textIn(ID), name: textIn(Name), type: textIn(Type) });
  const more = { model: textIn(Model), prompt: textIn(Prompt), extra: { ...extra } };
  return [definedFields<typeof participant>({ ...participant, ...more })];
}

function* messagesOf(messages: readonly unknown[], sessionId: string): Iterable<Imported> {
  for (const [index, item] of messages.entries()) {
    const message = rowOf(item);
    const content = message?.['Content'];
    if (!message || typeof content !== 'string') {
      yield { unreadable: `messages.${index}: no message with a Content` };
      continue;
    }
    const { AgentID, AgentName, AgentType, Timestamp, Role, Metrics, Content, ...extra } = message;
    const { Duration, InputTokens, OutputTokens, TotalTokens, Model, Cost, ...unknown } =
      rowOf(Metrics) ?? {};
    const key = `message ${index} ${idOfText(content)}`;
    const report = messageReport({
      messageId: idOfText(JSON.stringify([sessionId, key])),
      ...speakerOf(textIn(Role) ?? 'agent'),
      author: participantIn({
        ...{ id: textIn(AgentID), name: textIn(AgentName), type: textIn(AgentType) },
      }),
      content,
      sequence: index + 1,
      model: textIn(Model),
      usage: { input: countIn(InputTokens), output: countIn(OutputTokens) },
      tokens: countIn(TotalTokens),
      costNano: typeof Cost === 'number' && Cost >= 0 ? Math.round(Cost * 1e9) : undefined,
      // Go counts durations in nanoseconds.
      durationMs: typeof Duration === 'number' && Duration >= 0 ? Duration / 1e6 : undefined,
      extra: { ...extra, ...(Object.keys(unknown).length > 0 && { metrics: unknown }) },
    });
    const seconds = typeof Timestamp === 'number' ? new Date(Timestamp * 1_000) : undefined;
    const isTime = seconds !== undefined && !Number.isNaN(seconds.getTime());
    yield entryOf(sessionId, key, report, {
      occurredAt: isTime ? seconds.toISOString() : undefined,
    });
  }
}

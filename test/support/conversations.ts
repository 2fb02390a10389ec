import { cliEvents } from './cli-events.ts';
import { freshDatabase } from './database.ts';
import { ingestKey, RunningService } from './service.ts';

/** A service with `conv-1`, which is of the CLI, and `many-0` to `many-6`. */
export interface Conversations {
  readonly service: RunningService;
  /** Reports an event of the CLI. */
  ingest(event: object): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the service and reports the conversations; resolves when the read models have them. */
export async function startConversations(): Promise<Conversations> {
  const database = await freshDatabase();
  const service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
  });
  const ingest = async (event: object): Promise<void> => {
    const about = { key: ingestKey, type: 'application/json', body: JSON.stringify(event) };
    const { status, text } = await service.request('/api/ingest', about);
    if (status >= 300) throw new Error(`${status} ${text}`);
  };
  for (const event of [...cliEvents('conv-1'), ...manyConversations()]) await ingest(event);
  await service.caughtUp();
  return {
    ...{ service, ingest },
    async stop() {
      await service.stop();
      await database.drop();
    },
  };
}

const manyConversations = (): object[] => Array.from({ length: 7 }, (_, nth) => many(nth)).flat();

const types = ['claude', 'gemini', 'codex'];
const models = ['opus', 'pro', 'mini'];
const ends = [undefined, 'completed', 'interrupted', 'error'];

/** When the nth of seven conversations began: one a day. */
const begun = (nth: number): string => `2026-02-0${nth + 1}T10:00:00Z`;

/** The nth of seven conversations, of which each differs in what lists can be narrowed by. */
function many(nth: number): object[] {
  const events: object[] = [];
  const conversation_id = `many-${nth}`;
  const agent_type = types[nth % 3];
  const model = models[nth % 3];
  const participants = [{ agent_id: 'a', agent_type, model, name: `Agent ${nth}` }];
  const data = {
    conversation_id,
    mode: nth % 2 ? 'reactive' : 'free-form',
    initial_prompt: `About ${nth}`,
  };
  events.push({
    type: 'conversation.started',
    timestamp: begun(nth),
    data: { ...data, participants },
  });
  for (let sequence_number = 1; sequence_number <= nth; sequence_number += 1) {
    events.push({
      type: 'message.created',
      timestamp: begun(nth).replace('10:00:00', `10:0${sequence_number}:00`),
      data: {
        ...{
          conversation_id,
          message_id: `m${nth}-${sequence_number}`,
          agent_id: 'a',
          agent_type,
          model,
        },
        ...{ content: `zebra ${sequence_number}`, sequence_number, tokens_used: 10, cost: 0.25 },
        duration_ms: 100,
      },
    });
  }
  const status = ends[nth % 4];
  if (status) {
    const timestamp = begun(nth).replace('10:00', '11:00');
    events.push({ type: 'conversation.completed', timestamp, data: { conversation_id, status } });
  }
  return events;
}

/** Ids of some of them. */
export const manyOf = (...nths: number[]): string[] => nths.map((nth) => `many-${nth}`);

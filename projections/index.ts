import type { Projection } from '../src/projecting/projection.ts';
import { attachmentRefs } from './attachment-refs.ts';
import { messages } from './messages.ts';
import { participants } from './participants.ts';
import { searchEntries } from './search/search-entries.ts';
import { sessionOrder } from './session-list/session-order.ts';
import { sessionMetrics } from './session-metrics/session-metrics.ts';
import { sessions } from './sessions.ts';
import { timeline } from './timeline.ts';
import { tools } from './tools.ts';

/** Every read model; each has a migration that creates its table. */
export const projections: readonly Projection[] = [
  sessions,
  sessionOrder,
  messages,
  participants,
  tools,
  timeline,
  searchEntries,
  attachmentRefs,
  sessionMetrics,
];

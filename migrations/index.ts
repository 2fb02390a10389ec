import type { MigrationInterface } from 'typeorm';
import { EventLog0000000000001 } from './0001-event-log.ts';
import { Checkpoints0000000000002 } from './0002-checkpoints.ts';
import { Sessions0000000000003 } from './0003-sessions.ts';
import { Messages0000000000004 } from './0004-messages.ts';
import { Participants0000000000005 } from './0005-participants.ts';
import { Keys0000000000006 } from './0006-keys.ts';
import { Tools0000000000008 } from './0008-tools.ts';
import { FilterAndSearch0000000000009 } from './0009-filter-and-search.ts';
import { KeyPrefix0000000000010 } from './0010-key-prefix.ts';
import { Snapshots0000000000011 } from './0011-snapshots.ts';
import { PlaceOfTheLog0000000000012 } from './0012-place-of-the-log.ts';
import { AppendInALoop0000000000013 } from './0013-append-in-a-loop.ts';
import { Timeline0000000000020 } from './0020-timeline.ts';
import { SearchEntries0000000000021 } from './0021-search-entries.ts';
import { SessionOrder0000000000022 } from './0022-session-order.ts';
import { ParkedSessions0000000000023 } from './0023-parked-sessions.ts';
import { Rebuilds0000000000025 } from './0025-rebuilds.ts';
import { NotedVersions0000000000027 } from './0027-noted-versions.ts';
import { SessionMetrics0000000000028 } from './0028-session-metrics.ts';
import { UsageAndAttachments0000000000029 } from './0029-usage-and-attachments.ts';
import { Attachments0000000000030 } from './0030-attachments.ts';

/**
 * Every change of the schema, oldest first. The file `0007-some-words.ts` exports the class
 * `SomeWords0000000000007`: TypeORM reads the last 13 digits of the name as a time to order by, and
 * numbers do that as well. A migration that has been released never changes.
 */
export const migrations: (new () => MigrationInterface)[] = [
  EventLog0000000000001,
  Checkpoints0000000000002,
  Sessions0000000000003,
  Messages0000000000004,
  Participants0000000000005,
  Keys0000000000006,
  Tools0000000000008,
  FilterAndSearch0000000000009,
  KeyPrefix0000000000010,
  Snapshots0000000000011,
  PlaceOfTheLog0000000000012,
  AppendInALoop0000000000013,
  Timeline0000000000020,
  SearchEntries0000000000021,
  SessionOrder0000000000022,
  ParkedSessions0000000000023,
  Rebuilds0000000000025,
  NotedVersions0000000000027,
  SessionMetrics0000000000028,
  UsageAndAttachments0000000000029,
  Attachments0000000000030,
];

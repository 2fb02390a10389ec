import type { ConsoleFilter, SessionView } from '@playhead/contract';
import { matchesFilter } from '@playhead/contract';
import { In, type DataSource, type EntityManager, type SelectQueryBuilder } from 'typeorm';
import { SessionRow, sessions } from '../projections/sessions.ts';
import type {
  ListLimits,
  SessionListPage,
  SessionListSource,
} from './live/console/session-list-source.ts';

/** What a row is as JSON beside its long texts, roughly. */
const ROW_BYTES = 1_000;

/** The read model of sessions as the console takes it. */
export class SessionList implements SessionListSource {
  /** `epoch` is the log's: rows that were folded from another one are not there. */
  constructor(
    private readonly database: DataSource,
    private readonly epoch: string,
  ) {}

  list(filter: ConsoleFilter, limits: ListLimits): Promise<SessionListPage | undefined> {
    // One snapshot: rows and checkpoint are written in one transaction, so the rows seen are the
    // fold of everything up to the position seen, and of nothing beyond it.
    return this.database.transaction('REPEATABLE READ', async (manager) => {
      const position = await this.#position(manager);
      if (position === undefined) return undefined;
      const { ids, more } = await listedIds(manager, filter, limits);
      const rows = await manager.getRepository(SessionRow).findBy({ sessionId: In(ids) });
      const byId = new Map(rows.map((row) => [row.sessionId, { ...row }]));
      const listed = ids.flatMap((sessionId) => byId.get(sessionId) ?? []);
      // Postgres and JavaScript may fold the case of a letter differently; live it is JavaScript.
      const matching = listed.filter((session) => matchesFilter(filter, session));
      return { position, sessions: matching, more };
    });
  }

  views(sessionIds: readonly string[]): Promise<ReadonlyMap<string, SessionView>> {
    return this.database.transaction('REPEATABLE READ', async (manager) => {
      if ((await this.#position(manager)) === undefined) return new Map<string, SessionView>();
      const rows = await manager
        .getRepository(SessionRow)
        .findBy({ sessionId: In([...sessionIds]) });
      return new Map(rows.map((row) => [row.sessionId, { ...row }]));
    });
  }

  async #position(manager: EntityManager): Promise<string | undefined> {
    const [found] = await manager.query<{ position: string }[]>(
      'select position from checkpoints where name = $1 and version = $2 and epoch = $3',
      [sessions.name, sessions.version, this.epoch],
    );
    return found?.position;
  }
}

/** Which sessions a list holds: as many as fit, at least one. */
async function listedIds(
  manager: EntityManager,
  filter: ConsoleFilter,
  { consoleSessionsMax, consoleListBytesMax }: ListLimits,
): Promise<{ ids: string[]; more: boolean }> {
  const query = manager.getRepository(SessionRow).createQueryBuilder('session');
  narrow(query, filter);
  const found = await query
    .select('session.sessionId', 'id')
    .addSelect(
      `octet_length(coalesce(session.prompt, '')) + octet_length(cast(session.extra as text))
       + octet_length(coalesce(cast(session.summary as text), ''))`,
      'bytes',
    )
    .orderBy('session.lastActivityAt', 'DESC')
    .addOrderBy('session.sessionId', 'DESC')
    .limit(consoleSessionsMax + 1)
    .getRawMany<{ id: string; bytes: number }>();
  let sum = 0;
  const end = found.findIndex(({ bytes }, nth) => {
    sum += bytes + ROW_BYTES;
    return nth >= consoleSessionsMax || (nth > 0 && sum > consoleListBytesMax);
  });
  const fitting = end < 0 ? found : found.slice(0, end);
  return { ids: fitting.map(({ id }) => id), more: end >= 0 };
}

function narrow(query: SelectQueryBuilder<SessionRow>, filter: ConsoleFilter): void {
  const { status, source, state, label, search } = filter;
  if (status) query.andWhere('session.status = :status', { status });
  if (source) query.andWhere('session.source = :source', { source });
  if (state) query.andWhere('session.activity = :state', { state });
  if (label) {
    query.andWhere('cast(session.labels as jsonb) @> cast(:label as jsonb)', {
      label: JSON.stringify(label),
    });
  }
  if (search) {
    const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
    query.andWhere('(session.name ilike :pattern or session.prompt ilike :pattern)', { pattern });
  }
}

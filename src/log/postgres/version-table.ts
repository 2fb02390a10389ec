import type pg from 'pg';
import type { EventVersion, EventVersionStore } from '../event-versions.ts';

/** The versions of event types in a table beside the log. */
export const versionTable = (pool: pg.Pool): EventVersionStore => ({
  async read() {
    return (await pool.query<EventVersion>('select type, v from event_versions')).rows;
  },
  async add({ type, v }) {
    await pool.query(
      'insert into event_versions (type, v) values ($1, $2) on conflict do nothing',
      [type, v],
    );
  },
});

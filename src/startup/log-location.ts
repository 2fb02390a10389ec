import type { DataSource } from 'typeorm';

/**
 * Where this log lies: server, database, table and history. A dump that is restored makes its
 * tables again; a server that is recovered to a point in time or promoted begins a new timeline,
 * which the second number tells from the end of a recovery to the first checkpoint after it.
 */
const PLACE = `
  concat_ws('/',
    (select system_identifier from pg_control_system()),
    (select oid from pg_database where datname = current_database()),
    'log_identity'::regclass::oid,
    (select greatest(timeline_id, min_recovery_end_timeline)
     from pg_control_checkpoint(), pg_control_recovery()),
    $1::text)`;

/**
 * Gives the log a new epoch when it lies elsewhere than when it was last used: it is a copy then,
 * and may go on in another way than the original, with other events at the same positions. Cursors
 * of the original mean nothing in it. `folder` tells data folders apart that Postgres cannot.
 *
 * Read models stay as they are: they were copied together with the log that they were made of, and
 * each looks for the event at its checkpoint when it starts. Answers whether it was a copy.
 */
export function claimLogLocation(database: DataSource, folder: string): Promise<boolean> {
  return database.transaction('READ COMMITTED', async (manager) => {
    // Locked, so that of several nodes that start at once one makes the epoch.
    const [old] = await manager.query<{ epoch: string; isNew: boolean; isHere: boolean }[]>(
      `select epoch, place is null as "isNew", place is not distinct from ${PLACE} as "isHere"
       from log_identity for update`,
      [folder],
    );
    if (!old || old.isHere) return false;
    await manager.query(`update log_identity set epoch = gen_random_uuid(), place = ${PLACE}`, [
      folder,
    ]);
    await manager.query(
      `update checkpoints set epoch = log_identity.epoch::text from log_identity
       where checkpoints.epoch = $1`,
      [old.epoch],
    );
    return !old.isNew;
  });
}

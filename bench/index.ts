import { appendEsdb } from './append-esdb.ts';
import { appendHttp } from './append-http.ts';
import { appendBy1, appendBy256, appendBy32 } from './append-log.ts';
import { appendSession } from './append-session.ts';
import { at100k } from './at-100k.ts';
import { command } from './command.ts';
import { copyEsdb, copyPostgres } from './copy.ts';
import { exportJsonl } from './export.ts';
import { fanout } from './fanout.ts';
import { followEsdb } from './follow-esdb.ts';
import { importFiles } from './import.ts';
import { listBenches } from './list.ts';
import { live } from './live.ts';
import { memory } from './memory.ts';
import { metricsBenches } from './metrics.ts';
import { open100k } from './open-100k.ts';
import { rebuild } from './rebuild.ts';
import { replay } from './replay.ts';
import {
  searchRare,
  searchBetween,
  searchCommon,
  searchTwo,
  searchPrefix,
  searchAbsent,
} from './search.ts';
import { sse } from './sse.ts';
import { slow } from './slow.ts';
import { storm } from './storm.ts';
import { upload } from './upload.ts';
import type { Bench } from './support/bench.ts';

/** Every bench, in the order they run. */
export const benches: readonly Bench[] = [
  appendBy1,
  appendBy32,
  appendBy256,
  appendEsdb,
  followEsdb,
  copyPostgres,
  copyEsdb,
  appendSession,
  appendHttp,
  live,
  fanout,
  memory,
  replay,
  rebuild,
  storm,
  slow,
  sse,
  open100k,
  at100k,
  command,
  ...listBenches,
  upload,
  importFiles,
  exportJsonl,
  ...metricsBenches,
  searchRare,
  searchBetween,
  searchCommon,
  searchTwo,
  searchPrefix,
  searchAbsent,
];

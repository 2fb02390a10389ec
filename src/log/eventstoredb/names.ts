import { LogError } from '../event-log.ts';

const OWN = 'playhead-';

/**
 * How streams of the log are called on the server: after a prefix, by which several logs may share
 * one server. Names with `$` are the server's, those with `playhead-` the adapter's.
 */
export class StreamNames {
  /** Holds one event, the log's first: who the log is. */
  readonly identity: string;
  /** Where the log shows itself that events still arrive. */
  readonly heartbeat: string;
  /** Which versions of event types the log holds. */
  readonly versions: string;
  /** Matches the server's names of the log's streams and of those above. */
  readonly regex: string;

  constructor(private readonly prefix: string) {
    this.identity = `${prefix}${OWN}log`;
    this.heartbeat = `${prefix}${OWN}heartbeat`;
    this.versions = `${prefix}${OWN}versions`;
    const literal = prefix.replace(/[^A-Za-z0-9_]/g, (character) => `\\${character}`);
    this.regex = `^${literal}[^$]`;
  }

  /** Throws `LogError` `invalid` for a name that is not the log's to give. */
  toServer(stream: string): string {
    if (!/^(\$|playhead-)/.test(stream)) return this.prefix + stream;
    throw new LogError('invalid', 'stream must not begin with $ or playhead-', 'stream');
  }

  /** `undefined` for a stream that is not one of the log's. */
  fromServer(name: string): string | undefined {
    if (!name.startsWith(this.prefix)) return undefined;
    const stream = name.slice(this.prefix.length);
    return /^(\$|playhead-|$)/.test(stream) ? undefined : stream;
  }
}

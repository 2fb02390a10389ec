import { EventStoreDBClient, type JSONType } from '@eventstore/db-client';

/** A place in the server's log. */
export interface ServerPosition {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** An event on its way to the server. The client writes `data` and `metadata` as JSON. */
export interface ServerEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: 'application/json';
  readonly data: JSONType;
  readonly metadata: Record<string, unknown>;
}

/** An event as the server gives it back; what is not JSON comes as bytes. */
export interface ServerRecord {
  readonly streamId: string;
  readonly id: string;
  readonly type: string;
  readonly revision: bigint;
  readonly isJson: boolean;
  readonly created: Date;
  readonly data: unknown;
  readonly metadata?: unknown;
  readonly position?: ServerPosition;
}

/** What reads and subscriptions yield: an event, or a link whose event is gone. */
export interface Resolved {
  readonly event?: ServerRecord;
}

/** Revision of a stream's last event, or one of the words. */
export type ExpectedRevision = bigint | 'any' | 'no_stream';

/** What came of an append; `success` is false only when the client is told not to throw. */
export interface ServerAnswer {
  readonly success: boolean;
  readonly nextExpectedRevision: bigint;
  readonly position?: ServerPosition;
}

/** A read under way. */
export interface Reading {
  on(event: 'data', listener: (resolved: Resolved) => void): unknown;
  on(event: 'error', listener: (fault: Error) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  cancel(): Promise<void>;
}

/** A subscription under way. */
export interface Subscribed {
  on(event: 'data', listener: (resolved: Resolved) => void): unknown;
  on(event: 'error', listener: (fault: Error) => void): unknown;
  on(event: 'end' | 'close' | 'caughtUp' | 'fellBehind', listener: () => void): unknown;
  /** How many events it has that no listener was given yet. */
  readonly readableLength: number;
  unsubscribe(): Promise<void>;
}

/** Which events of the whole log a subscription hands over. */
export interface StreamFilter {
  readonly filterOn: 'streamName';
  readonly regex: string;
  readonly checkpointInterval: number;
  readonly checkpointReached: () => void;
}

/** All that the adapter asks of the client. */
export interface ServerClient {
  appendToStream(
    stream: string,
    events: ServerEvent[],
    options: { expectedRevision: ExpectedRevision },
  ): Promise<ServerAnswer>;
  setStreamMetadata(
    stream: string,
    metadata: { maxCount: number },
    options: { expectedRevision: ExpectedRevision },
  ): Promise<unknown>;
  readStream(
    stream: string,
    options: {
      direction: 'forwards' | 'backwards';
      fromRevision: bigint | 'end';
      maxCount: number;
    },
  ): Reading;
  readAll(options: {
    direction: 'forwards' | 'backwards';
    fromPosition: ServerPosition | 'start' | 'end';
  }): Reading;
  subscribeToAll(options: {
    fromPosition: ServerPosition | 'start';
    filter: StreamFilter;
  }): Subscribed;
  dispose(): Promise<void>;
}

/** Makes a client; it connects when it is first asked for something. */
export type Connect = () => ServerClient;

/**
 * Makes clients for an `esdb:` address. Throws when the address is none.
 *
 * Appends carry the credentials of the address, or empty ones, which a server without TLS is never
 * sent. Without any the client sends all appends over one stream and keeps what waits for answers
 * where all clients of the process share it: one stream's end then fails the appends of others,
 * and an answer that comes late is thrown where nobody can catch it. With them each append is a
 * call of its own, and nothing is shared.
 */
export const connectTo =
  (connectionString: string): Connect =>
  () => {
    const client = EventStoreDBClient.connectionString(connectionString);
    const credentials = credentialsIn(connectionString);
    return {
      appendToStream: (stream, events, options) =>
        client.appendToStream(stream, events, { ...options, credentials }),
      setStreamMetadata: (stream, metadata, options) =>
        client.setStreamMetadata(stream, metadata, { ...options, credentials }),
      readStream: (stream, options) => client.readStream(stream, options),
      readAll: (options) => client.readAll(options),
      subscribeToAll: (options) => client.subscribeToAll(options),
      dispose: () => client.dispose(),
    };
  };

function credentialsIn(connectionString: string): { username: string; password: string } {
  const [, username = '', password = ''] =
    /^[^:]+:\/\/([^:@/]*):([^@/]*)@/.exec(connectionString) ?? [];
  return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

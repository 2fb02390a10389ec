/** What Nest injects by; with decorator metadata off, every constructor parameter names one. */
export const CONFIG = Symbol('Config');
export const LOGGER = Symbol('Logger');
export const EVENT_LOG = Symbol('EventLog');
export const DATABASE = Symbol('DataSource');
export const COMMANDS = Symbol('CommandHandler');
export const COMMAND_REQUESTS = Symbol('CommandRequests');
export const PROJECTOR = Symbol('Projector');
export const SESSION_SUBSCRIPTIONS = Symbol('Feed');
export const CONSOLE_SUBSCRIPTIONS = Symbol('Console');
export const KEYS = Symbol('Keys');
export const REVOCATIONS = Symbol('Revocations');
export const METRICS = Symbol('Registry');
export const INGEST = Symbol('Ingest');
export const INGEST_LIMIT = Symbol('IngestLimit');
export const INGEST_METRIC = Symbol('ingest counter');
export const TAIL = Symbol('Tail');
export const NODES = Symbol('Nodes');

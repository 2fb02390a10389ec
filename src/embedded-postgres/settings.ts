/** What the server is started with: durable, and sized for a log that is appended to all day. */
export const settings = {
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  wal_buffers: '64MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  fsync: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // Statements carry what people wrote; the log names errors without them.
  log_min_error_statement: 'panic',
} as const;

/** Settings as arguments of `postgres`. */
export const asArguments = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

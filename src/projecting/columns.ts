import type { ColumnOptions, ValueTransformer } from 'typeorm';

/** Text compared by byte, as JavaScript compares ASCII, whatever the database's language. */
export const byteOrder = { type: 'text', collation: 'C' } as const satisfies ColumnOptions;

/** Postgres gives int8 as text; the contract's counts all fit a number. */
export const int8: ValueTransformer = {
  from: (stored: string | null) => (stored === null ? null : Number(stored)),
  to: (value: number | null) => value,
};

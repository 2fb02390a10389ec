import type { z } from 'zod';

/** An event type's current version and the shape of its data in that version. */
export interface Versioned<Data extends z.ZodType, Version extends number = number> {
  readonly v: Version;
  readonly data: Data;
}

/** Declares an event type: raise `v` with each change of shape and add an upcast in the log. */
export const versioned = <Data extends z.ZodType, const Version extends number>(
  v: Version,
  data: Data,
): Versioned<Data, Version> => ({ v, data });

import type { Projection } from './projection.ts';

/**
 * A second copy of a read model, beside the one that is read: `rebuild` is being filled or waits to
 * be swapped in, `previous` was swapped out and is kept for a rollback.
 */
export type CopyKind = 'rebuild' | 'previous';

/**
 * The schema where the tables of a kind lie. Tables, indexes and constraints have the same names in
 * each schema, so that a swap need not rename them.
 */
export const copySchemas: Readonly<Record<CopyKind, string>> = {
  rebuild: 'playhead_rebuild',
  previous: 'playhead_previous',
};

/** The name of a copy in `checkpoints` and `parked`; no projection has an @ in its name. */
export const copyName = (projection: string, kind: CopyKind): string => `${projection}@${kind}`;

/** The projection that fills a copy. */
export const copyOf = (projection: Projection, kind: CopyKind): Projection => ({
  ...projection,
  name: copyName(projection.name, kind),
});

/** The projection that fills a new copy: its rows are summed up once they are all there. */
export const filledCopyOf = (projection: Projection): Projection => ({
  ...copyOf(projection, 'rebuild'),
  rollup: undefined,
});

/** The kind of a copy by its name, `undefined` for the one that is read. */
export function copyKindOf(name: string): CopyKind | undefined {
  const kind = name.split('@')[1];
  return kind === 'rebuild' || kind === 'previous' ? kind : undefined;
}

/** The logic of the version that made some rows, if this build has it. */
export function logicOf(projection: Projection, version: number): Projection | undefined {
  if (version === projection.version) return projection;
  const { previous } = projection;
  return previous?.version === version ? { ...projection, ...previous } : undefined;
}

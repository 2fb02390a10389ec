import * as z from 'zod';
import { scope } from './events/node.ts';
import { id } from './ids.ts';

/** What keys begin with: those that only report sessions, for real or in tests, and all others. */
export const keyPrefixes = ['ap_live_', 'ap_test_', 'ph_'] as const;
export type KeyPrefix = (typeof keyPrefixes)[number];

/** A key to make. `test` marks a key that only ingests as one for tests: `ap_test_…`. */
export const keyCreate = z
  .strictObject({
    name: id,
    scopes: z
      .array(scope)
      .min(1)
      .max(scope.options.length)
      .refine((scopes) => new Set(scopes).size === scopes.length, 'names a scope twice'),
    test: z.boolean().optional(),
  })
  .refine(({ scopes, test }) => !test || scopes.every((one) => one === 'ingest'), {
    path: ['test'],
    message: 'only for keys whose only scope is ingest',
  });
export type KeyCreate = z.infer<typeof keyCreate>;

/** A key as it is shown: never the key itself, nor anything made of it. */
export const keyShape = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scope),
  prefix: z.enum(keyPrefixes),
  createdAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().nullable(),
});
export type KeyShape = z.infer<typeof keyShape>;

/** Who the service takes the holder of a key for. */
export const whoami = z.object({
  /** As events and presence name them: `key:<id>`. */
  id: z.string(),
  /** What the key is called. */
  name: z.string(),
  /** `admin` may do everything. */
  scopes: z.array(scope),
});
export type Whoami = z.infer<typeof whoami>;

/** All valid keys and the last revoked ones. */
export const keysListed = z.object({ keys: z.array(keyShape) });

/** The answer that holds the key itself: it is shown this once and cannot be had again. */
export const keyCreated = keyShape.extend({ key: z.string() });
export type KeyCreated = z.infer<typeof keyCreated>;

/** A key in place of another, which opens the service until it is revoked. */
export const keyRotated = keyCreated.extend({
  /** Id of the old key: revoke it once nobody uses it any more. */
  replaces: z.string(),
  note: z.string(),
});
export type KeyRotated = z.infer<typeof keyRotated>;

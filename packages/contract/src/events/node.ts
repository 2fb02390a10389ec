import * as z from 'zod';
import { extra } from './common.ts';
import { versioned } from './versioned.ts';

/** What a key may do. */
export const scope = z.enum(['read', 'write', 'ingest', 'worker', 'audit', 'admin']);
export type Scope = z.infer<typeof scope>;

/** Events of streams that belong to no session: `system` and `bridge-<hash>`. */
export const nodeEvents = {
  /** Holds no secret: a log is copied, exported and shown. */
  'key.created': versioned(
    1,
    z.object({ keyId: z.string(), name: z.string(), scopes: z.array(scope) }),
  ),
  'key.revoked': versioned(1, z.object({ keyId: z.string() })),
  /** An operator has taken an event out of a projection that cannot fold it, for good. */
  'projection.event-skipped': versioned(
    1,
    z.object({
      projection: z.string(),
      sessionId: z.string(),
      eventId: z.string(),
      revision: z.number().int().nonnegative(),
      why: z.string(),
    }),
  ),
  'bridge.connected': versioned(
    1,
    z.object({ systemInfo: z.record(z.string(), z.unknown()), connectedAt: z.string(), extra }),
  ),
  'bridge.tested': versioned(
    1,
    z.object({
      message: z.string().optional(),
      systemInfo: z.record(z.string(), z.unknown()).optional(),
      extra,
    }),
  ),
};

import * as z from 'zod';
import { errorCodes, type ErrorCode, type Refusal } from './errors.ts';

/** A refusal as a schema; `isRefusal` checks the same without zod. */
export const refusal = z.object({
  code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  retry: z.boolean(),
  /** The field at fault, as a dotted path. */
  field: z.string().optional(),
}) satisfies z.ZodType<Refusal>;

import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';
import type { Limits } from '../../config.ts';

/** Metadata key of what the documents say of a route. */
export const DOCUMENT = Symbol('document');

/** What the documents say of a route; path, method, scope and refusals they know by themselves. */
export interface RouteDocument {
  readonly summary: string;
  /** The parameters of the query string, as one object. */
  readonly query?: (limits: Limits) => z.ZodType;
  readonly body?: (limits: Limits) => z.ZodType;
  /** What a success carries. */
  readonly answer?: z.ZodType;
  readonly status?: 200 | 201 | 204;
  /** The path's `:type` stands for each of these, with a body of its own. */
  readonly types?: Readonly<Record<string, z.ZodType>>;
  /** Whether `Idempotency-Key` makes a retry harmless here. */
  readonly isIdempotent?: boolean;
  /** Whether `If-Match` names the revision that the session must be at. */
  readonly isConditional?: boolean;
  /** Whether many bodies may come at once, a line each. */
  readonly takesLines?: boolean;
  /** Whether the body is bytes of any type, as they are. */
  readonly takesBytes?: boolean;
  /** What the answer is when it is not JSON: a page, or its style. */
  readonly text?: 'text/html' | 'text/css';
  /** What types of files the answer may be. */
  readonly download?: readonly string[];
  /** Whether the answer is a stream of events that does not end; its key may be in a cookie. */
  readonly isStream?: boolean;
}

/** Describes a route for `/api/docs`. */
export const Documented = (document: RouteDocument) => SetMetadata(DOCUMENT, document);

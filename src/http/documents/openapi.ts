import 'reflect-metadata';
import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { errorCodes } from '@playhead/contract';
import { z } from 'zod';
import type { Limits } from '../../config.ts';
import { REQUIRED_SCOPE, type RequiredScope } from '../requires-scope.ts';
import { COOKIE } from '../sse/stream-cookie.ts';
import { DOCUMENT, type RouteDocument } from './documented.ts';
import { jsonSchema } from './json-schema.ts';

/** A route as Nest and `@Documented` know it. */
export interface DocumentedRoute {
  readonly method: string;
  readonly path: string;
  readonly needs: RequiredScope | undefined;
  readonly document: RouteDocument | undefined;
}

/** The routes of some controllers, with what is said of them. */
export function routesOf(controllers: readonly Type[]): DocumentedRoute[] {
  return controllers.flatMap((controller) => {
    const prefix = String(Reflect.getMetadata(PATH_METADATA, controller) ?? '');
    const methods = Object.getOwnPropertyDescriptors(controller.prototype as object);
    const handlers: { value?: unknown }[] = Object.values(methods);
    return handlers.flatMap(({ value: handler }): DocumentedRoute[] => {
      if (typeof handler !== 'function') return [];
      const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
      if (typeof method !== 'number') return [];
      const own = String(Reflect.getMetadata(PATH_METADATA, handler) ?? '');
      const path = `/${[prefix, own].flatMap((part) => part.split('/').filter(Boolean)).join('/')}`;
      const metadata = <Value>(key: symbol): Value | undefined =>
        (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller)) as
          Value | undefined;
      return [
        {
          method: (RequestMethod[method] ?? '').toLowerCase(),
          path,
          needs: metadata<RequiredScope>(REQUIRED_SCOPE),
          document: metadata<RouteDocument>(DOCUMENT),
        },
      ];
    });
  });
}

/** All routes as an OpenAPI 3.1 document, made from the schemas that check requests. */
export function openApi(
  controllers: readonly Type[],
  limits: Limits,
  version: string,
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routesOf(controllers)) {
    const { types } = route.document ?? {};
    for (const [type, body] of types ? Object.entries(types) : [[undefined, undefined] as const]) {
      const path = route.path.replace(':type', type ?? ':type').replace(/:(\w+)/g, '{$1}');
      (paths[path] ??= {})[route.method] = operation(route, path, limits, type, body);
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Playhead', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        cookie: { type: 'apiKey', in: 'cookie', name: COOKIE },
      },
      schemas: { Problem: jsonSchema(problem, 'output') },
    },
  };
}

/** A refusal over HTTP (RFC 9457). */
const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(Object.keys(errorCodes) as [keyof typeof errorCodes]),
  retry: z.boolean(),
  field: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

function operation(
  { needs, document }: DocumentedRoute,
  path: string,
  limits: Limits,
  type: string | undefined,
  typeBody: z.ZodType | undefined,
): Record<string, unknown> {
  const body = typeBody ?? document?.body?.(limits);
  const text = document?.isStream ? 'text/event-stream' : document?.text;
  const texts = document?.download ?? (text === undefined ? [] : [text]);
  return {
    summary: type ? `${document?.summary}: ${type}` : document?.summary,
    ...(needs === 'nothing' ? { security: [] } : needs !== 'any key' && { 'x-scope': needs }),
    ...(document?.isStream ? { security: [{ key: [] }, { cookie: [] }] } : {}),
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter('path', name ?? '')),
      ...queryParameters(document?.query?.(limits)),
      ...(document?.isIdempotent ? [parameter('header', 'Idempotency-Key')] : []),
      ...(document?.isConditional ? [parameter('header', 'If-Match')] : []),
      ...(document?.isStream ? [parameter('header', 'Last-Event-ID')] : []),
    ],
    ...(body
      ? {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: jsonSchema(body, 'input') },
              ...(document?.takesLines
                ? { 'application/x-ndjson': { schema: { type: 'string' } } }
                : {}),
            },
          },
        }
      : {}),
    ...(document?.takesBytes ? { requestBody: { required: true, content: ANY_BYTES } } : {}),
    responses: {
      [document?.status ?? 200]: {
        description: 'Done',
        ...(document?.answer
          ? { content: { 'application/json': { schema: jsonSchema(document.answer, 'output') } } }
          : {}),
        ...(texts.length === 0 ? {} : { content: textContent(texts) }),
      },
      default: {
        description: 'Refused, with one of the codes',
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
  };
}

const ANY_BYTES = { '*/*': { schema: { type: 'string', format: 'binary' } } };

const textContent = (types: readonly string[]) =>
  Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]));

const parameter = (where: 'path' | 'header', name: string) => ({
  name,
  in: where,
  required: where === 'path',
  schema: { type: 'string' },
});

function queryParameters(query: z.ZodType | undefined): object[] {
  if (!query) return [];
  const { properties = {}, required = [] } = jsonSchema(query, 'input') as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

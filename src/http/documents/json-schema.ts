import { z } from 'zod';

/** A JSON Schema (2020-12) of what a zod schema takes (`input`) or gives (`output`). */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    // Refinements and transforms have no words in JSON Schema; requests are checked by them anyway.
    unrepresentable: 'any',
  });
  return rest;
}

import { z } from 'zod';
import { Problem } from './problem.ts';

/** A whole number in a query string. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));

/** The parameters of a query string. Throws the refusal that names the wrong one. */
export function readQuery<Shape extends z.ZodType>(schema: Shape, query: unknown): z.infer<Shape> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  throw Problem.ofIssues(
    read.error.issues.flatMap((issue): z.core.$ZodIssue | z.core.$ZodIssue[] =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ ...issue, path: [key], message: 'is no parameter here' }))
        : issue,
    ),
  );
}

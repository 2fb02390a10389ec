import type { Imported } from './imported-entry.ts';

/** What a reader may know of a file beside its content. */
export interface FileContext {
  /** Its name without folders; part of a session's id where the content has none. */
  readonly name: string;
}

/**
 * A kind of file of which every line is JSON by itself. Pure, as are all formats: no clock, no
 * disk. Memory is bounded by what a reader keeps between lines, so it keeps little.
 */
export interface LineFormat {
  /** As it is named to people. */
  readonly name: string;
  /** Whether a line's value is one that only this format has. */
  readonly detects: (value: unknown) => boolean;
  open(file: FileContext): LineReader;
}

/** Reads one file of a `LineFormat` from its first line to its last. */
export interface LineReader {
  /** `text` is the line the value was parsed from. */
  line(value: unknown, text: string): Iterable<Imported>;
  /** What only the end of the file makes certain. */
  end(): Iterable<Imported>;
}

/** A kind of file that is one JSON document. */
export interface DocumentFormat {
  readonly name: string;
  readonly detects: (value: unknown) => boolean;
  read(value: unknown, file: FileContext): Iterable<Imported>;
}

/** A kind of file that is text. */
export interface TextFormat {
  readonly name: string;
  /** Whether the first line that is not empty is how such a file begins. */
  readonly detects: (line: string) => boolean;
  open(file: FileContext): TextReader;
}

/** Reads one file of a `TextFormat` line by line. */
export interface TextReader {
  line(text: string): Iterable<Imported>;
  end(): Iterable<Imported>;
}

/** A JSON object, as far as a reader may look into it without knowing more. */
export type Row = Readonly<Record<string, unknown>>;

/** The value as an object, `undefined` for anything else. */
export const rowOf = (value: unknown): Row | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : undefined;

/** The value as a text that is not empty. */
export const textIn = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The value as a list, empty for anything else. */
export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value as a count (a whole number, not negative). */
export const countIn = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

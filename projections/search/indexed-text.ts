import { quoted } from './query.ts';
import { wordsOf } from './words.ts';

/** Characters of a text that are searched, in UTF-16 units. */
export const SEARCHED_MAX = 100_000;
/** A tsvector holds 1 MiB; a row that cannot be stored would park its session. */
const BYTES_MAX = 900_000;
/** Postgres counts positions to here. */
const POSITION_MAX = 16_383;
/** A word that goes on in the next piece of a text is at most so long. */
const TAIL_MAX = 200;

/** The words of a text that comes in pieces, so far. */
export interface IndexedText {
  /** As the text of a `tsvector` has them, which may name a word twice. */
  readonly words: string;
  /** Of the next word. */
  readonly position: number;
  readonly characters: number;
  readonly bytes: number;
  /** The end of the text, in which a word may not be complete. */
  readonly tail: string;
}

export const NO_TEXT: IndexedText = { words: '', position: 1, characters: 0, bytes: 0, tail: '' };

/** The words with those of one more piece of the text, as far as texts are searched. */
export function addText(before: IndexedText, piece: string): IndexedText {
  const added = piece.slice(0, SEARCHED_MAX - before.characters);
  if (added === '') return before;
  const text = before.tail + added;
  const tail = /\S*$/.exec(text.slice(-TAIL_MAX))?.[0] ?? '';
  const words = before.words === '' ? [] : [before.words];
  let { bytes } = before;
  let position = before.position;
  let tailPosition: number | undefined;
  for (const word of wordsOf(text)) {
    // Letters of at most three bytes, and a position with its share of a word's own data.
    const size = word.text.length * 3 + 6;
    if (bytes + size > BYTES_MAX) break;
    bytes += size;
    position = before.position + word.position;
    if (word.start >= text.length - tail.length) tailPosition ??= position;
    words.push(`${quoted(word.text)}:${Math.min(position, POSITION_MAX)}`);
    position += 1;
  }
  return {
    words: words.join(' '),
    position: tailPosition ?? position,
    characters: before.characters + added.length,
    bytes,
    tail,
  };
}

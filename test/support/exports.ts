import type { ExportFormat } from '@playhead/contract';
import type { Answer } from './service.ts';

/** Where a session is exported from. */
export const exportPath = (sessionId: string, format?: ExportFormat): string => {
  const query = format === undefined ? '' : `?format=${format}`;
  return `/api/sessions/${encodeURIComponent(sessionId)}/export${query}`;
};

/** Lines of JSON, all of them whole. */
export function jsonLines<Line>(text: string): Line[] {
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Line);
}

/** The cells of a CSV file, by the rules of RFC 4180. */
export function csvCells(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (cell.lastIndex < text.length) {
    const found = cell.exec(text);
    if (!found) throw new Error(`no CSV: ${text}`);
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** A Markdown file taken apart by the rule of CommonMark for fences. */
export interface Markdown {
  /** What is outside of code blocks. */
  readonly lines: string[];
  readonly blocks: string[];
}

export function markdownParts(text: string): Markdown {
  const [lines, blocks]: [string[], string[]] = [[], []];
  let [fence, block]: [string, string[]] = ['', []];
  for (const line of text.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (fence === '') {
      if (mark === '') lines.push(line);
      fence = mark;
    } else if (mark.startsWith(fence) && /^[ `~]*$/.test(line)) {
      blocks.push(block.join('\n'));
      [fence, block] = ['', []];
    } else {
      block.push(line);
    }
  }
  expect(fence).toBe('');
  return { lines, blocks };
}

/** Every tag of an HTML file once, with its attributes. */
export const tagsIn = (html: string): string[] =>
  [...new Set([...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag))].sort();

/** How an answer is refused. */
export const refusalOf = ({ status, body }: Answer) => {
  const { code, field } = body as { code: string; field?: string };
  return { status, code, field };
};

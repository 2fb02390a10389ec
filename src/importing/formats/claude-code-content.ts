import { listIn, rowOf, textIn, type Row } from '../import-format.ts';
import { idFrom, type ImportedFile, type Unreadable } from '../imported-entry.ts';

/** A tool call in a message. */
export interface ToolCall {
  readonly callId: string;
  readonly tool: string;
  readonly input?: unknown;
  readonly extra?: Row;
}

/** What became of a call. */
export interface ToolResult {
  readonly callId: string;
  readonly isError: boolean;
  readonly text: string;
  readonly files: readonly ImportedFile[];
}

/** What the content of a message is made of, blocks of one kind together. */
export interface Content {
  readonly text: string;
  readonly thinking: readonly unknown[];
  readonly files: readonly ImportedFile[];
  readonly calls: readonly ToolCall[];
  readonly results: readonly ToolResult[];
  /** Blocks of other kinds, as they came. */
  readonly blocks: readonly unknown[];
}

/** Reads a content in the words of Anthropic's API: a text, or blocks. */
export function contentOf(content: unknown): Content | Unreadable {
  const [thinking, blocks]: unknown[][] = [[], []];
  const texts: string[] = [];
  const files: ImportedFile[] = [];
  const calls: ToolCall[] = [];
  const results: ToolResult[] = [];
  if (typeof content === 'string') texts.push(content);
  else if (!Array.isArray(content)) return { unreadable: 'a message without content' };
  for (const block of listIn(content)) {
    const row = rowOf(block);
    const file = row && fileIn(row);
    const call = row && callIn(row);
    const result = row && resultIn(row);
    if (typeof block === 'string') texts.push(block);
    else if (row?.['type'] === 'text' && typeof row['text'] === 'string') texts.push(row['text']);
    else if (row?.['type'] === 'thinking' || row?.['type'] === 'redacted_thinking') {
      thinking?.push(row);
    } else if (file) files.push(file);
    else if (call) calls.push(call);
    else if (result) results.push(result);
    else blocks?.push(block);
  }
  const text = texts.join('\n\n');
  return { text, thinking: thinking ?? [], files, calls, results, blocks: blocks ?? [] };
}

/** Images and documents within a message. Remote ones are left as they came: nothing is fetched. */
function fileIn({ type, source, title }: Row): ImportedFile | undefined {
  const { type: kind, media_type, data } = rowOf(source) ?? {};
  if ((type !== 'image' && type !== 'document') || typeof data !== 'string') return undefined;
  const name = textIn(title);
  const content = Buffer.from(data, kind === 'text' ? 'utf8' : 'base64');
  return {
    type: textIn(media_type) ?? 'application/octet-stream',
    content,
    ...(name !== undefined && { name }),
  };
}

function callIn({ type, id, name, input, ...rest }: Row): ToolCall | undefined {
  if (type !== 'tool_use' && type !== 'server_tool_use') return undefined;
  const callId = textIn(id);
  if (callId === undefined) return undefined;
  return {
    callId: idFrom(callId),
    tool: textIn(name) ?? 'unknown',
    ...(input !== undefined && { input }),
    ...(Object.keys(rest).length > 0 && { extra: rest }),
  };
}

function resultIn(row: Row): ToolResult | undefined {
  const callId = textIn(row['tool_use_id']);
  if (row['type'] !== 'tool_result' || callId === undefined) return undefined;
  const content = row['content'] === undefined ? undefined : contentOf(row['content']);
  const said = content && !('unreadable' in content) ? content : undefined;
  const other = said && said.blocks.length > 0 ? [JSON.stringify(said.blocks)] : [];
  return {
    callId: idFrom(callId),
    isError: row['is_error'] === true,
    text: [...(said?.text ? [said.text] : []), ...other].join('\n\n'),
    files: said?.files ?? [],
  };
}

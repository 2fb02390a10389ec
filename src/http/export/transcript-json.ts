import { answeredSession, extended } from '@playhead/contract';
import { messageShape, participantShape } from '../sessions/session-shapes.ts';
import type { Transcript } from './transcript.ts';

/**
 * A transcript as one JSON object in the shapes of the API: the session, and in it its participants
 * and its messages.
 */
export async function* transcriptJson(transcript: Transcript): AsyncGenerator<string> {
  const { session, participants, messages } = transcript;
  const head = extended(answeredSession(session), { title: session.name });
  yield JSON.stringify(head, undefined, 2).slice(0, -'\n}'.length);
  yield* list('participants', [participants], participantShape);
  yield* list('messages', messages, messageShape);
  yield '\n}\n';
}

async function* list<Item>(
  name: string,
  pages: AsyncIterable<readonly Item[]> | Iterable<readonly Item[]>,
  shape: (item: Item) => object,
): AsyncGenerator<string> {
  yield `,\n  "${name}": [`;
  let isEmpty = true;
  for await (const page of pages) {
    for (const item of page) {
      // No text within has a line break: JSON escapes them.
      const text = JSON.stringify(shape(item), undefined, 2).replaceAll('\n', '\n    ');
      yield `${isEmpty ? '' : ','}\n    ${text}`;
      isEmpty = false;
    }
  }
  yield isEmpty ? ']' : '\n  ]';
}

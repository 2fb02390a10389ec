import type { Problem } from '../problem.ts';

/** A POST of `search` is ours, too. */
const READS = new RegExp(
  String.raw`^/api/(?:${[
    String.raw`conversations(?:/[^/?]+(?:/messages)?)?`,
    ...['messages/recent', 'metrics/summary', 'search', 'realtime/stats', 'diagnostics/events'],
  ].join('|')})/?(?:\?|$)`,
);

/** Whether a request is one of those that AgentPipe's pages read by. */
export const isOfAgentPipePage = ({
  method,
  url = '',
}: {
  readonly method?: string;
  readonly url?: string;
}): boolean => (method === 'GET' || method === 'HEAD') && READS.test(url);

/** A failure in the words that AgentPipe's own server used: `{ error }`, and what is wrong. */
export function conversationFailure({ code, message, faults }: Problem): Record<string, unknown> {
  if (code === 'not-found') return { error: 'Conversation not found' };
  if (code !== 'invalid') return { error: message };
  return {
    error: message,
    details: faults.map(({ field, message: wrong }) => ({
      path: field.split('.'),
      message: wrong,
    })),
  };
}

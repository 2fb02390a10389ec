import type { Refused } from '@playhead/contract';
import type { WriteBuffer } from './write-buffer.ts';
import type { ViewerSocket } from './open-sessions.ts';

/**
 * Answers one request of a socket: by its acknowledgement function or, when a refused request came
 * without one, by the event `refused`.
 */
export function acknowledgementFor<Done extends { readonly ok: true }>(
  { socket, writeBuffer }: { readonly socket: ViewerSocket; readonly writeBuffer: WriteBuffer },
  event: string,
  ack: unknown,
): (answer: Done | Refused) => void {
  return (answer) => {
    if (typeof ack === 'function') {
      (ack as (answer: Done | Refused) => void)(answer);
    } else if (!answer.ok) {
      const { ok: _, ...refusal } = answer;
      socket.emit('refused', { event, ...refusal });
    }
    // The answers to a client that keeps asking and never reads would pile up.
    if (writeBuffer.isOverflowing) socket.disconnect(true);
  };
}

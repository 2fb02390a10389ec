import { setTimeout as sleep } from 'node:timers/promises';
import {
  replayMoment,
  sessionFrame,
  type ReplayMoment,
  type ReplayPace,
  type SessionEvent,
} from '@playhead/contract';
import { ask, type ServiceOptions } from './service.ts';

/** Events of one request; what is shown next is asked for when it is due. */
const PAGE = 500;

/** A timer takes no longer time. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const page = sessionFrame.pick({ events: true });

/** Which events to show, and how. */
export interface ReplayOptions extends ReplayPace {
  readonly sessionId: string;
  /** Revisions of the first and the last event that are shown. */
  readonly from: number;
  readonly to: number;
  /** Waits until the next event is wanted, false when no more is; without it they are paced. */
  readonly step?: (() => Promise<boolean>) | undefined;
  readonly show: (event: SessionEvent) => void;
}

/**
 * Shows a session's events at the pace at which they happened, up to the last one that there is
 * then. Resolves at the end or on the signal. Throws `Failure` as `ask` does.
 */
export async function replaySession(
  service: ServiceOptions,
  options: ReplayOptions,
  stop: AbortSignal,
): Promise<void> {
  const { sessionId, from, to, step, show } = options;
  let moment: ReplayMoment | undefined;
  for (let next = from; next <= to;) {
    const limit = Math.min(PAGE, to - next + 1);
    const path = `/api/sessions/${encodeURIComponent(sessionId)}/events`;
    const { events } = await ask(service, page, `${path}?after=${next - 1}&limit=${limit}`);
    if (events.length === 0) return;
    for (const event of events) {
      moment = replayMoment(moment, event, options);
      const goesOn = step ? await step() : await passed(moment.pauseMs, stop);
      if (!goesOn || stop.aborted) return;
      show(event);
      next = event.revision + 1;
    }
  }
}

/** False when it was stopped before. */
async function passed(ms: number, stop: AbortSignal): Promise<boolean> {
  for (let left = ms; left >= 1 && !stop.aborted; left -= TIMER_MS_MAX) {
    await sleep(Math.min(left, TIMER_MS_MAX), undefined, { signal: stop }).catch(() => undefined);
  }
  return !stop.aborted;
}

import type { ReplaceableClient } from './replaceable-client.ts';
import { ownEvent } from './identity.ts';
import type { StreamNames } from './names.ts';

interface Parts {
  readonly current: ReplaceableClient;
  readonly names: StreamNames;
}

/** Writes to a stream of which the server keeps one event, so that followers receive something. */
export class Heartbeat {
  #isUnderWay = false;

  constructor(private readonly parts: Parts) {}

  /** Does not fail: that nothing is received says enough. */
  beat(): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    const { current, names } = this.parts;
    const event = ownEvent('playhead.beat', {});
    const options = { expectedRevision: 'any' } as const;
    void current
      .ask('append', (client) => client.appendToStream(names.heartbeat, [event], options))
      .catch(() => undefined)
      .finally(() => {
        this.#isUnderWay = false;
      });
  }
}

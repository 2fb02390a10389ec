import { type Client, type SessionSnapshot, limits } from '@playhead/client';
import { ClientProvider, useSession, useSessions, useTyping } from '@playhead/client/react';
import { setTimeout as sleep } from 'node:timers/promises';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { subscriptionStore } from '../../packages/client/src/react/subscription-store.ts';

function Shown() {
  const { view, status, revision } = useSession('s');
  const { sessions } = useSessions({ state: 'working' });
  const { typists } = useTyping('s');
  return createElement('p', {}, JSON.stringify([view, status, revision, sessions, typists]));
}

const html = (client: Client | undefined): string =>
  renderToString(createElement(ClientProvider, { value: client }, createElement(Shown)));

describe('a hook', () => {
  it('shows on a server that it connects, and opens nothing there', () => {
    const opened: string[] = [];
    const open = (): never => {
      opened.push('something');
      throw new Error('nothing is to be opened');
    };
    // What the page takes over must be what the server sent, whatever is known by then.
    const known = (): never => open();
    const client = {
      ...{ openSession: open, openConsole: open, command: open, close: open },
      ...{ sessionSnapshot: known, consoleSnapshot: known },
    };
    const expected = '<p>[null,&quot;connecting&quot;,-1,null,[]]</p>';
    expect([html(undefined), html(client), opened]).toEqual([expected, expected, []]);
  });

  it('says what is missing without a client above', () => {
    expect(() => renderToString(createElement(Shown))).toThrow('<ClientProvider>');
  });
});

describe('what a component shows', () => {
  /** How often it was opened, and how much of it is open now. */
  const counted = () => {
    const count = { opened: 0, open: 0, listeners: 0 };
    const open = () => {
      count.opened += 1;
      count.open += 1;
      return {
        snapshot: { revision: count.opened } as SessionSnapshot,
        subscribe: () => {
          count.listeners += 1;
          return () => void (count.listeners -= 1);
        },
        close: () => void (count.open -= 1),
      };
    };
    const before = { revision: -1 } as SessionSnapshot;
    return { count, store: subscriptionStore(open, () => before) };
  };

  it('is not opened by looking at it', () => {
    const { count, store } = counted();
    expect(store.snapshot()).toBe(store.snapshot());
    expect([store.snapshot().revision, count.opened]).toEqual([-1, 0]);
  });

  it('stays open from one subscriber to the next, and is closed after the last', async () => {
    const { count, store } = counted();
    const leave = store.subscribe(() => undefined);
    expect(store.snapshot()).toBe(store.snapshot());
    leave();
    await sleep(limits.unmountGraceMs / 2);
    expect(count).toMatchObject({ open: 1, listeners: 0 });
    const leaveAgain = store.subscribe(() => undefined);
    await sleep(limits.unmountGraceMs + 100);
    expect(count).toMatchObject({ open: 1, listeners: 1 });
    expect(store.snapshot().revision).toBe(2);
    leaveAgain();
    await sleep(limits.unmountGraceMs + 100);
    expect(count).toEqual({ opened: 2, open: 0, listeners: 0 });
    expect(store.snapshot().revision).toBe(-1);
  });
});

import { createHash } from 'node:crypto';
import { OPEN_VIEW_VERSION } from '@playhead/contract';
import ts from 'typescript';
import { STATE_VERSION } from '../../src/domain/session-state.ts';
import { typescript } from '../support/sources.ts';

const contract = 'packages/contract/src/';
const printer = ts.createPrinter({ removeComments: true });

/** Tells the code of files apart, whatever is said beside it. */
function digestOf(...starts: string[]): string {
  const hash = createHash('sha256');
  for (const file of typescript(...starts)) hash.update(printer.printFile(file));
  return hash.digest('hex').slice(0, 16);
}

/*
 * Snapshots outlive a deployment: whoever changes what a fold gives must raise its version, or old
 * snapshots are taken for new ones. When a test here fails and the change can give another result,
 * raise the version; then write down the new digest.
 *
 * A new version of an event type is such a change: a node of the build before passes it on unread,
 * and keeps what came of that, while both run or after a step back.
 */
describe('the version of a fold goes with its code:', () => {
  it('the view of a session', () => {
    const views = [
      ...['chunks', 'message', 'open-view', 'participant', 'session', 'timeline', 'tool', 'totals'],
    ];
    const digest = digestOf(
      ...['envelope.ts', 'events/', 'instants.ts', 'status.ts'].map((name) => `${contract}${name}`),
      ...views.map((name) => `${contract}views/${name}.ts`),
    );
    expect([OPEN_VIEW_VERSION, digest]).toEqual([6, '90f6900c9e338d8b']);
  });

  it('the state that commands are decided on', () => {
    const digest = digestOf(
      ...['session.ts', 'session-state.ts', 'state-snapshot.ts'].map(
        (name) => `src/domain/${name}`,
      ),
      `${contract}events/known.ts`,
      `${contract}views/chunks.ts`,
    );
    expect([STATE_VERSION, digest]).toEqual([3, '80e5745898a0ba67']);
  });
});

// npm run demo: a conversation goes in over HTTP while a viewer prints what the socket brings.
// HOST, PORT and PLAYHEAD_ADMIN_KEY say into which running service; PLAYHEAD_DEMO_SPEED=10 plays it
// ten times as fast. Ends with 0 when log, viewer and read models agree, else with 1.
import { isDeepStrictEqual } from 'node:util';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from './build.mjs';
import { play, texts } from './demo/play.mjs';
import { findService } from './demo/service.mjs';
import { watch } from './demo/viewer.mjs';

async function run(service, speed) {
  const { evolveOpenView } = await import('@playhead/contract');
  const headers = { authorization: `Bearer ${service.key}` };
  const get = async (path) => {
    const answer = await fetch(`${service.url}${path}`, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const sessionId = randomUUID();
  const viewer = await watch(service, sessionId);
  console.log(`session ${sessionId} at ${service.url}`);
  let isOpen = false;
  await play(sessionId, speed, async (event) => {
    const answer = await fetch(`${service.url}/api/ingest`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    if (!answer.ok) throw new Error(`ingest: ${answer.status} ${await answer.text()}`);
    if (!isOpen) await viewer.open();
    isOpen = true;
  });
  const { events } = await get(`/api/sessions/${sessionId}/events?limit=1000`);
  const fromLog = events.reduce(evolveOpenView, undefined);
  const same = await eventually(async () => ({
    'the log holds what was said': isDeepStrictEqual(contents(fromLog), texts),
    "the viewer's fold agrees with the log": isDeepStrictEqual(viewer.view(), fromLog),
    'the set of read models agrees with the log': await rowsAgree(get, sessionId, fromLog),
  }));
  viewer.stop();
  for (const [what, holds] of Object.entries(same)) {
    console.log(holds ? `✓ ${what}` : `✗ NOT true: ${what}`);
  }
  return Object.values(same).every(Boolean);
}

const contents = ({ messages }) => messages.map(({ content }) => content);

/** Viewer and read models follow the log a few milliseconds behind. */
async function eventually(compare) {
  for (let attempt = 0; ; attempt += 1) {
    const same = await compare();
    if (Object.values(same).every(Boolean) || attempt >= 50) return same;
    await sleep(100);
  }
}

async function rowsAgree(get, sessionId, view) {
  // Not found until the read models have come to the session.
  const [session, page] = await Promise.all(
    ['', '/messages?limit=100'].map((part) =>
      get(`/api/sessions/${sessionId}${part}`).catch(() => undefined),
    ),
  );
  return (
    session !== undefined &&
    page !== undefined &&
    session.status === view.session.status &&
    isDeepStrictEqual(session.counted, view.session.counted) &&
    isDeepStrictEqual(
      page.messages.map(({ messageId, content }) => [messageId, content]),
      view.messages.map(({ messageId, content }) => [messageId, content]),
    )
  );
}

function speedOf({ PLAYHEAD_DEMO_SPEED: text = '1' }) {
  const speed = Number(text);
  if (speed > 0 && speed <= 1000) return speed;
  throw new Error('PLAYHEAD_DEMO_SPEED: must be a number above 0, at most 1000');
}

let service;
try {
  const speed = speedOf(process.env);
  await build();
  service = await findService(process.env);
  process.exitCode = (await run(service, speed)) ? 0 : 1;
} catch ({ message, cause }) {
  console.error(cause ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
} finally {
  await service?.stop();
}
// What a service that fails still holds open is not waited for.
process.exit();

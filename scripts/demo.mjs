// npm run demo: a conversation goes in over HTTP while a viewer prints what the socket brings.
import { isDeepStrictEqual } from 'node:util';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from './build.mjs';
import { play } from './demo/play.mjs';
import { findService } from './demo/service.mjs';

await build();
const { evolveOpenView } = await import('@playhead/contract');
const { io } = await import('socket.io-client');

/** Opens the session as soon as it exists, then folds and prints each event that comes. */
function watch({ url, key }, sessionId) {
  const socket = io(url, { auth: { token: key }, transports: ['websocket'] });
  const viewer = { view: undefined, stop: () => socket.close() };
  socket.on('connect_error', (error) => console.error(`viewer: ${error.message}`));
  socket.on('session:events', ({ events }) => {
    for (const event of events) {
      viewer.view = evolveOpenView(viewer.view, event);
      console.log(
        `  ${String(event.revision).padStart(3)}  ${event.type.padEnd(20)}${said(event)}`,
      );
    }
  });
  viewer.open = () => socket.emitWithAck('session:open', { sessionId, after: -1 });
  return viewer;
}

const said = ({ data }) => {
  const text = data.content ?? data.prompt ?? data.name ?? data.as ?? '';
  return `${data.agentName ? `${data.agentName}: ` : ''}${text.replaceAll('\n', ' ⏎ ')}`;
};

async function run(service) {
  const headers = { authorization: `Bearer ${service.key}` };
  const get = async (path) => {
    const answer = await fetch(`${service.url}${path}`, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const sessionId = randomUUID();
  const viewer = watch(service, sessionId);
  console.log(`session ${sessionId} at ${service.url}`);
  let isOpen = false;
  await play(sessionId, Number(process.env.PLAYHEAD_DEMO_SPEED ?? 1), async (event) => {
    const answer = await fetch(`${service.url}/api/ingest`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    if (!answer.ok) throw new Error(`ingest: ${answer.status} ${await answer.text()}`);
    if (isOpen) return;
    const opened = await viewer.open();
    if (!opened.ok) throw new Error(`open: ${opened.code} ${opened.message}`);
    isOpen = true;
  });
  const fromLog = (await get(`/api/sessions/${sessionId}/events?limit=1000`)).events.reduce(
    evolveOpenView,
    undefined,
  );
  const same = await eventually(async () => ({
    "the viewer's fold": isDeepStrictEqual(viewer.view, fromLog),
    'the set of read models': await rowsAgree(get, sessionId, fromLog),
  }));
  viewer.stop();
  for (const [what, agrees] of Object.entries(same)) {
    console.log(
      `${agrees ? '✓' : '✗'} ${what} ${agrees ? 'agrees' : 'does NOT agree'} with the log`,
    );
  }
  return Object.values(same).every(Boolean);
}

/** Viewer and read models follow the log a few milliseconds behind. */
async function eventually(compare) {
  for (let attempt = 0; ; attempt += 1) {
    const same = await compare();
    if (Object.values(same).every(Boolean) || attempt >= 50) return same;
    await sleep(100);
  }
}

async function rowsAgree(get, sessionId, view) {
  const session = await get(`/api/sessions/${sessionId}`).catch(() => undefined);
  const { messages } = await get(`/api/sessions/${sessionId}/messages?limit=100`);
  return (
    session !== undefined &&
    session.status === view.session.status &&
    isDeepStrictEqual(session.counted, view.session.counted) &&
    isDeepStrictEqual(
      messages.map(({ messageId, content }) => [messageId, content]),
      view.messages.map(({ messageId, content }) => [messageId, content]),
    )
  );
}

const service = await findService(process.env);
try {
  process.exitCode = (await run(service)) ? 0 : 1;
} finally {
  await service.stop();
}

// The demo's viewer: opens the session on a socket, folds and prints each event that comes.
const answerMsMax = 10_000;

/** `{ open, view, stop }`: `open` once the session exists; `view` answers the fold so far. */
export async function watch({ url, key }, sessionId) {
  const { evolveOpenView } = await import('@playhead/contract');
  const { io } = await import('socket.io-client');
  const socket = io(url, { auth: { token: key }, transports: ['websocket'] });
  let view;
  socket.on('session:events', ({ events }) => {
    for (const event of events) {
      view = evolveOpenView(view, event);
      console.log(
        `  ${String(event.revision).padStart(3)}  ${event.type.padEnd(20)}${said(event)}`,
      );
    }
  });
  const refused = new Promise((_, reject) => {
    socket.once('connect_error', (error) => reject(new Error(`viewer: ${error.message}`)));
  });
  // Who plays is notified when the session is opened.
  refused.catch(() => undefined);
  const open = async () => {
    const answer = socket
      .timeout(answerMsMax)
      .emitWithAck('session:open', { sessionId, after: -1 });
    const opened = await Promise.race([answer, refused]);
    if (!opened.ok) throw new Error(`viewer: ${opened.code} ${opened.message}`);
  };
  return { open, view: () => view, stop: () => socket.close() };
}

const said = ({ data }) => {
  const text = data.content ?? data.prompt ?? data.name ?? data.as ?? '';
  return `${data.agentName ? `${data.agentName}: ` : ''}${text.replaceAll('\n', ' ⏎ ')}`;
};

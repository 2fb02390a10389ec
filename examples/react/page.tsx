import { connect } from '@playhead/client';
import { ClientProvider, useSessions } from '@playhead/client/react';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { One } from './one.tsx';

function Sessions() {
  const { sessions, status } = useSessions();
  const [shown, show] = useState<string>();
  const items = sessions?.map(({ sessionId, name, activity }) => (
    <li key={sessionId} onClick={() => show(sessionId)}>
      {name}: {activity}
    </li>
  ));
  return (
    <main>
      <h1>{status}</h1>
      <ul>{items}</ul>
      {shown && <One id={shown} />}
    </main>
  );
}

const [token = '', url = 'http://127.0.0.1:3000'] = location.hash.slice(1).split(',');
createRoot(document.querySelector('#root') as Element).render(
  <StrictMode>
    <ClientProvider value={connect({ url, token })}>
      <Sessions />
    </ClientProvider>
  </StrictMode>,
);

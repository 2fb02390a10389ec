import { connect } from '@playhead/client';
import { ClientProvider, useSession, useSessions, useTyping } from '@playhead/client/react';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';

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

function One({ id }: { id: string }) {
  const { view, command } = useSession(id);
  const { typists, tell } = useTyping(id);
  const post = (form: FormData) =>
    void command('message.post', { content: form.get('content') as string });
  return (
    <form action={post} onChange={() => tell(true)} onSubmit={() => tell(false)}>
      {view?.messages.map((one) => (
        <p key={one.messageId}>{one.content}</p>
      ))}
      <input name="content" placeholder={typists.length > 0 ? 'Somebody types …' : 'Say it'} />
    </form>
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

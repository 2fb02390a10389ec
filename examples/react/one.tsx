import { useSession, useTyping } from '@playhead/client/react';

/** One session: what is said, who types, and a line to say something. */
export function One({ id }: { id: string }) {
  const { view, command } = useSession(id);
  const { typists, setTyping } = useTyping(id);
  const post = (form: FormData) =>
    void command('message.post', { content: form.get('content') as string });
  return (
    <form action={post} onChange={() => setTyping(true)} onSubmit={() => setTyping(false)}>
      {view?.messages.map((one) => (
        <p key={one.messageId}>{one.content}</p>
      ))}
      <input name="content" placeholder={typists.length > 0 ? 'Somebody types …' : 'Say it'} />
    </form>
  );
}

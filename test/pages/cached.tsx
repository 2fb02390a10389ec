import { connect } from '@playhead/client';
import { sessionCache } from '@playhead/client/react';
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';

interface Listed {
  readonly sessions: readonly { sessionId: string; activity: string; activityMessage: string }[];
}

const [token = '', url = ''] = location.hash.slice(1).split(',');
const headers = { authorization: `Bearer ${token}` };
const answerOf = async (path: string): Promise<unknown> => (await fetch(path, { headers })).json();

function Badges() {
  const { data } = useQuery({
    queryKey: ['sessions'],
    queryFn: () => answerOf('/api/sessions?search=badge') as Promise<Listed>,
  });
  return data?.sessions.map(({ sessionId, activity, activityMessage }) => (
    <b key={sessionId} title={activityMessage}>{`${sessionId}: ${activity}`}</b>
  ));
}

const queries = new QueryClient();
sessionCache(queries).follow(connect({ url, token }).openConsole());
createRoot(document.body).render(
  <QueryClientProvider client={queries}>
    <Badges />
  </QueryClientProvider>,
);

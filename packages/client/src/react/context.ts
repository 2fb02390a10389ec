import { createContext, useContext, type Provider } from 'react';
import type { Client } from '../client.ts';

const context = createContext<Client | undefined | null>(null);

/**
 * Gives a client to the hooks below it: `<ClientProvider value={client}>`. While it is undefined,
 * as when a page is rendered by a server, hooks show that they are connecting.
 */
export const ClientProvider: Provider<Client | undefined> = context.Provider;

/** The client that was given from above. Throws when none was. */
export function useClient(): Client | undefined {
  const client = useContext(context);
  if (client === null) throw new Error('there is no <ClientProvider> above');
  return client;
}

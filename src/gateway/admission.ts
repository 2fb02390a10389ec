import { refuse, type Refusal, type Scope } from '@playhead/contract';
import type { Socket } from 'socket.io';
import { may, type Authenticator, type Principal } from '../access/principal.ts';

/** The token of a handshake: in `auth`, never in the address, which ends up in logs. */
const tokenOf = (socket: Pick<Socket, 'handshake'>): string => {
  const { token } = socket.handshake.auth as { token?: unknown };
  return typeof token === 'string' ? token : '';
};

/** Characters of a client's secret: fewer could be guessed. */
const CLIENT_MIN = 32;
const CLIENT_MAX = 128;

/**
 * The secret that a client shows on all its connections, whatever token it has by then. It makes
 * the ids of its commands its own; `undefined` when it shows none that is hard to guess.
 */
export function clientOf(socket: Pick<Socket, 'handshake'>): string | undefined {
  const { client } = socket.handshake.auth as { client?: unknown };
  const isSecret =
    typeof client === 'string' && client.length >= CLIENT_MIN && client.length <= CLIENT_MAX;
  return isSecret ? client : undefined;
}

/** Who holds the socket's token, or why they may not do what a scope names. */
export async function admitted(
  socket: Pick<Socket, 'handshake'>,
  authenticator: Authenticator,
  scope: Scope,
): Promise<{ readonly principal: Principal } | { readonly refusal: Refusal }> {
  const token = tokenOf(socket);
  if (!token) return { refusal: refuse('unauthenticated') };
  try {
    const principal = await authenticator.authenticate(token);
    if (!principal) return { refusal: refuse('unauthenticated') };
    return may(principal, scope) ? { principal } : { refusal: refuse('forbidden') };
  } catch {
    return { refusal: refuse('unavailable') };
  }
}

/** Why the holder of the socket's token may not read sessions now; `undefined` when they may. */
export async function refusalFor(
  socket: Pick<Socket, 'handshake'>,
  authenticator: Authenticator,
): Promise<Refusal | undefined> {
  const answer = await admitted(socket, authenticator, 'read');
  return 'refusal' in answer ? answer.refusal : undefined;
}

/**
 * Lets nobody connect who may not read, and nobody once the node leaves; the client finds the
 * refusal in the error's `data`.
 */
export const admitReaders =
  (authenticator: Authenticator, isLeaving: () => boolean) =>
  (socket: Socket, next: (error?: Error) => void): void => {
    const refused = (data: Refusal): void => next(Object.assign(new Error(data.message), { data }));
    void admitted(socket, authenticator, 'read').then((answer) => {
      if ('refusal' in answer) return refused(answer.refusal);
      if (isLeaving()) return refused(refuse('shutting-down'));
      (socket.data as SocketData).principalId = answer.principal.id;
      next();
    });
  };

interface SocketData {
  principalId?: string;
}

/** Who the holder of an admitted socket is, as events name their actor. */
export const principalOf = (socket: Pick<Socket, 'data'>): string =>
  (socket.data as SocketData).principalId ?? '';

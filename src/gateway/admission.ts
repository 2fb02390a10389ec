import { refuse, type Refusal } from '@playhead/contract';
import type { Socket } from 'socket.io';
import { may, type Authenticator } from '../access/principal.ts';

/** The token of a handshake: in `auth`, never in the address, which ends up in logs. */
const tokenOf = (socket: Pick<Socket, 'handshake'>): string => {
  const { token } = socket.handshake.auth as { token?: unknown };
  return typeof token === 'string' ? token : '';
};

/** Why the holder of the socket's token may not read sessions now; `undefined` when they may. */
export async function refusalFor(
  socket: Pick<Socket, 'handshake'>,
  authenticator: Authenticator,
): Promise<Refusal | undefined> {
  const token = tokenOf(socket);
  if (!token) return refuse('unauthenticated');
  try {
    const principal = await authenticator.authenticate(token);
    if (!principal) return refuse('unauthenticated');
    return may(principal, 'read') ? undefined : refuse('forbidden');
  } catch {
    return refuse('unavailable');
  }
}

/** Lets nobody connect who may not read; the client finds the refusal in the error's `data`. */
export const admitReaders =
  (authenticator: Authenticator) =>
  (socket: Socket, next: (error?: Error) => void): void => {
    void refusalFor(socket, authenticator).then((refusal) => {
      next(refusal && Object.assign(new Error(refusal.message), { data: refusal }));
    });
  };

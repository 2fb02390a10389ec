import type { DeclaredParticipant } from '../../commands/command-handler.ts';
import { idFrom } from '../imported-entry.ts';

/** Whose part a message of AgentPipe's local files has, by the role it is written with. */
export function speakerOf(role: string) {
  if (role === 'user') return { role: 'user', source: 'user' } as const;
  if (role === 'system') return { role: 'system', source: 'system' } as const;
  return { role: 'assistant', source: 'agent' } as const;
}

/** Who wrote it. The host puts the prompt into the conversation. */
export function participantIn({
  id,
  name,
  type,
}: {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly type?: string | undefined;
}): DeclaredParticipant {
  const isHost = id === 'host' || (id === undefined && name === 'HOST');
  return {
    participantId: idFrom(id ?? name ?? 'agent'),
    kind: isHost ? 'orchestrator' : 'agent',
    ...(name !== undefined && { name }),
    ...(type !== undefined && { agentType: type }),
  };
}

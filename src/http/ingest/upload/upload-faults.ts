import type { z } from 'zod';
import { Problem } from '../../problem.ts';
import { PARTICIPANTS_MAX } from '../../../importing/agentpipe/agentpipe-schema.ts';
import type { UploadLimits } from './conversation-upload.ts';

type Issue = z.core.$ZodIssue;

/** Where a shape has what must agree between its parts. */
export interface UploadShape {
  readonly participants: 'agents' | 'participants';
  /** Fields of a message that may name it, the first that is there counts. */
  readonly messageId: readonly string[];
  /** The field by which messages name participants, where only declared ones may be named. */
  readonly declaredAgentId?: string;
}

const issue = (path: (string | number)[], message: string): Issue => ({
  code: 'custom',
  path,
  message,
  input: undefined,
});

/** Refuses lists that are too long before anything looks at their items, which may all be wrong. */
export function refuseTooMany(
  value: unknown,
  { participants }: UploadShape,
  { uploadMessagesMax }: UploadLimits,
): void {
  const bounds = { [participants]: PARTICIPANTS_MAX, messages: uploadMessagesMax };
  const issues = Object.entries(bounds)
    .filter(([list, max]) => listAt(value, list).length > max)
    .map(([list, max]) => issue([list], `at most ${max}`));
  if (issues.length > 0) throw Problem.ofIssues(issues);
}

/**
 * What is wrong between the parts of an upload. It reads the body as it came, so that this is named
 * together with what is wrong within the parts.
 */
export function faultsBetween(value: unknown, shape: UploadShape): Issue[] {
  const { participants, messageId, declaredAgentId } = shape;
  const messages = listAt(value, 'messages');
  const declared = declaredAgentId && textsAt(listAt(value, participants), declaredAgentId);
  const firstWith = new Map<string, number>();
  return messages.flatMap((message, nth): Issue[] => {
    const issues: Issue[] = [];
    const field = messageId.find((name) => textAt(message, name) !== undefined);
    const id = field && textAt(message, field);
    if (field && id !== undefined) {
      const first = firstWith.get(id);
      if (first === undefined) firstWith.set(id, nth);
      else issues.push(issue(['messages', nth, field], `is the id of messages.${first} as well`));
    }
    const agentId = declaredAgentId && textAt(message, declaredAgentId);
    if (declaredAgentId && declared && agentId !== undefined && !declared.has(agentId)) {
      const missing = `${declaredAgentId} not found in ${participants}`;
      issues.push(issue(['messages', nth, declaredAgentId], missing));
    }
    return issues;
  });
}

/** The refusal for some faults, of which it names so many and counts the rest. */
export function refusalFor(issues: readonly Issue[], { uploadFaultsMax }: UploadLimits): Problem {
  const more = issues.length - uploadFaultsMax;
  const named = issues.slice(0, uploadFaultsMax);
  return Problem.ofIssues(more > 0 ? [...named, issue([], `and ${more} faults more`)] : named);
}

const at = (node: unknown, key: string): unknown =>
  typeof node === 'object' && node !== null && Object.hasOwn(node, key)
    ? (node as Record<string, unknown>)[key]
    : undefined;

const listAt = (node: unknown, key: string): readonly unknown[] => {
  const list = at(node, key);
  return Array.isArray(list) ? list : [];
};

const textAt = (node: unknown, key: string): string | undefined => {
  const text = at(node, key);
  return typeof text === 'string' ? text : undefined;
};

const textsAt = (nodes: readonly unknown[], key: string): ReadonlySet<string | undefined> =>
  new Set(nodes.map((node) => textAt(node, key)));

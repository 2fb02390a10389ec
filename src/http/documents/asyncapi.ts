import {
  clientMessages,
  errorCodes,
  refused,
  serverMessages,
  type DocumentedMessage,
} from '@playhead/contract';
import { jsonSchema } from './json-schema.ts';

type Messages = Readonly<Record<string, DocumentedMessage>>;

/** Names in references may not hold a colon or a slash. */
const nameOf = (event: string): string => event.replaceAll(':', '-');

/** The socket as an AsyncAPI 3 document, made from the contract. */
export function asyncApi(version: string): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Playhead',
      version,
      description:
        'Socket.IO events. Connect with `auth: { token }`, and with a random `client` of 32 to ' +
        '128 characters when another token may follow: then a command that is sent again under ' +
        'the same `id` has one effect, whichever of the tokens it came with. Requests are ' +
        'answered by the acknowledgement function; refusals carry one of the codes ' +
        `${Object.keys(errorCodes).join(', ')}.`,
    },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: '/socket.io/',
        description: 'One Socket.IO connection; the event is the name of the message.',
        messages: {
          ...references(clientMessages),
          ...references(serverMessages),
          ...references(answersOf(clientMessages)),
        },
      },
    },
    operations: {
      // Seen from the service, as AsyncAPI 3 has it.
      ...operations(clientMessages, 'receive'),
      ...operations(serverMessages, 'send'),
    },
    components: {
      messages: {
        ...messages(clientMessages, 'input'),
        ...messages(serverMessages, 'output'),
        ...messages(answersOf(clientMessages), 'output'),
      },
      schemas: { refused: jsonSchema(refused, 'output') },
    },
  };
}

const answersOf = (requests: Messages): Messages =>
  Object.fromEntries(
    Object.entries(requests).flatMap(([event, { answer }]) =>
      answer ? [[`${event}:answer`, { summary: `The answer to ${event}`, payload: answer }]] : [],
    ),
  );

const references = (described: Messages) =>
  Object.fromEntries(
    Object.keys(described).map((event) => [
      nameOf(event),
      { $ref: `#/components/messages/${nameOf(event)}` },
    ]),
  );

const messages = (described: Messages, io: 'input' | 'output') =>
  Object.fromEntries(
    Object.entries(described).map(([event, { summary, payload }]) => [
      nameOf(event),
      {
        name: event,
        summary,
        payload: event.endsWith(':answer')
          ? { oneOf: [jsonSchema(payload, io), { $ref: '#/components/schemas/refused' }] }
          : jsonSchema(payload, io),
      },
    ]),
  );

const operations = (described: Messages, action: 'send' | 'receive') =>
  Object.fromEntries(
    Object.entries(described).map(([event, { summary, answer }]) => [
      nameOf(event),
      {
        action,
        summary,
        channel: { $ref: '#/channels/socket' },
        messages: [{ $ref: `#/channels/socket/messages/${nameOf(event)}` }],
        ...(answer
          ? {
              reply: {
                channel: { $ref: '#/channels/socket' },
                messages: [{ $ref: `#/channels/socket/messages/${nameOf(`${event}:answer`)}` }],
              },
            }
          : {}),
      },
    ]),
  );

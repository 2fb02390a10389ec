/** Every number of the client. */
export const limits = {
  /** The first pause before it connects or opens again, in milliseconds; the next are longer. */
  backoffMsMin: 200,
  /** The longest pause, in milliseconds. Half of each pause is random. */
  backoffMsMax: 10_000,
  /** How long connecting may take, in milliseconds, before another attempt. */
  connectMs: 10_000,
  /** How long a request may wait for its answer, in milliseconds, before it is sent again. */
  answerMs: 10_000,
  /** How long a token function may take, in milliseconds, before it is called again. */
  tokenMs: 10_000,
  /** How often in a row the same token of a function may be refused. */
  tokenTriesMax: 5,
  /** Frames buffered while an open is not acknowledged. The service sends later ones again. */
  framesBufferedMax: 256,
  /** Events kept for one iteration of `events`. Later ones are read again when it asks for them. */
  eventsBufferedMax: 1_000,
  /** Commands that are not answered yet, of all sessions. One more is refused: `overloaded`. */
  commandsMax: 1_000,
  /** How often one command is sent when the service answers that it may succeed later. */
  commandTriesMax: 10,
  /** Time between two typing signals of somebody who still types, in milliseconds. */
  typingAgainMs: 2_000,
  /** How long a subscription stays open after its last component unmounts, in milliseconds. */
  unmountGraceMs: 1_000,
} as const;

/** Every number of the client. */
export const limits = {
  /** The first pause before it connects or opens again, in milliseconds; the next are longer. */
  backoffMsMin: 200,
  /** The longest pause, in milliseconds: the growth ends here. Half of each pause is chance. */
  backoffMsMax: 10_000,
  /** Until then a connection must stand, in milliseconds, else another one is tried. */
  connectMs: 10_000,
  /** Until then a request must have been answered, in milliseconds, else it is sent again. */
  answerMs: 10_000,
  /** Until then a function must have answered a token, in milliseconds, else it is asked again. */
  tokenMs: 10_000,
  /** How often in a row one and the same token of a function may be refused. */
  tokenTriesMax: 5,
  /** Frames kept while an opening is not answered. More are left out, and come after the answer. */
  framesBufferedMax: 256,
  /** Events kept for one iteration of `events`. Later ones are read again when it asks for them. */
  eventsBufferedMax: 1_000,
  /** Commands that are not answered yet, of all sessions. One more is refused: `overloaded`. */
  commandsMax: 1_000,
  /** How often one command is sent when the service answers that it may succeed later. */
  commandTriesMax: 10,
  /** How soon others are told once more that somebody still types, in milliseconds. */
  typingAgainMs: 2_000,
  /** How long something stays open that no component shows any more, in milliseconds. */
  unmountGraceMs: 1_000,
} as const;

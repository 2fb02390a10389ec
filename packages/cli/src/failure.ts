/** How the command ends, for scripts to go by. */
export const exitCodes = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;

/** Why a command did not do what it was asked; its message is for a person. */
export class Failure extends Error {
  constructor(
    readonly exit: Exclude<keyof typeof exitCodes, 'ok'>,
    message: string,
    /** What the service answered, for `--json`. */
    readonly details: object = {},
  ) {
    super(message);
  }
}

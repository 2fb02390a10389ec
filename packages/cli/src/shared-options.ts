import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ServiceOptions } from './service.ts';

/** What every command takes. */
export interface SharedOptions {
  readonly url: string;
  readonly key?: string;
  readonly json?: boolean;
}

const httpUrl = (text: string): string => {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('must be an http:// or https:// URL');
};

const header = (text: string): string => {
  if (/^[\x21-\x7e]*$/.test(text)) return text;
  throw new InvalidArgumentError('a key has no spaces and no other than ASCII characters');
};

/** Declares the options that every command takes, before or after its name. */
export const withSharedOptions = (program: Command): Command =>
  program
    .addOption(
      new Option('--url <url>', 'where the service is')
        .env('PLAYHEAD_URL')
        .default('http://127.0.0.1:3000')
        .argParser(httpUrl),
    )
    .addOption(
      new Option('--key <key>', 'a key that may do it; rather set it in the environment')
        .env('PLAYHEAD_ADMIN_KEY')
        .argParser(header),
    )
    .option('--json', 'print JSON, for programs');

/** Where the command that runs finds the service, and its key. */
export function serviceOf(command: Command): ServiceOptions {
  const { url, key } = sharedOptions(command);
  return { url, key };
}

/** The shared options of the command that runs. */
export const sharedOptions = (command: Command): SharedOptions =>
  command.optsWithGlobals<SharedOptions>();

/** Writes an answer as JSON where that was asked for, else for people. */
export function print(command: Command, answer: object, text: () => string): void {
  console.log(sharedOptions(command).json ? JSON.stringify(answer) : text());
}

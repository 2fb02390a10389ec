import ts from 'typescript';
import { all, parse, root } from '../support/sources.ts';

const events = 'packages/contract/src/events/session.ts';
const commands = 'src/domain/session-commands.ts';
const domain = 'src/domain/session.ts';
const contract = 'packages/contract/src/index.ts';

const { options } = ts.parseJsonConfigFileContent(
  {
    extends: './tsconfig.json',
    compilerOptions: {
      // The contract's sources, not what was last built from them.
      paths: { '@playhead/contract': [`./${contract}`] },
      // Neither knows Node or a browser.
      lib: ['es2023'],
      types: [],
    },
    files: [domain, contract],
  },
  ts.sys,
  root,
);
const rootNames = [root + domain, root + contract];
const host = ts.createCompilerHost(options);
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Domain and contract, were the texts of some files others. All other files are parsed once. */
function programWith(edited: ReadonlyMap<string, string>): ts.Program {
  const getSourceFile: typeof host.getSourceFile = (name, options) => {
    const text = edited.get(name.slice(root.length));
    if (text !== undefined) return ts.createSourceFile(name, text, options);
    if (!parsed.has(name)) parsed.set(name, host.getSourceFile(name, options));
    return parsed.get(name);
  };
  return ts.createProgram({ rootNames, options, host: { ...host, getSourceFile } });
}

/** Where the compiler finds errors: file and function. */
const faultsOf = (program: ts.Program): string[] =>
  ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    if (!file) return ts.flattenDiagnosticMessageText(messageText, '\n');
    const around = all(file, ts.isFunctionDeclaration).find(
      ({ pos, end }) => pos <= start && start < end,
    );
    return `${file.fileName.slice(root.length)} ${around?.name?.text}`;
  });

const inserted = (text: string, at: number, more: string): string =>
  text.slice(0, at) + more + text.slice(at);

const withOneMoreEvent = (): string => {
  const file = parse(events);
  const family = all(file, ts.isVariableDeclaration).find(
    ({ name }) => name.getText() === 'sessionEvents',
  );
  const at = (family?.initializer?.getStart() ?? NaN) + 1;
  return inserted(file.text, at, "'session.teleported': versioned(1, z.object({})),");
};

const withOneMoreCommand = (): string => {
  const file = parse(commands);
  const union = all(file, ts.isTypeAliasDeclaration).find(
    ({ name }) => name.text === 'SessionCommand',
  );
  return inserted(file.text, union?.type.end ?? NaN, " | { readonly type: 'teleport' }");
};

describe('the compiler', () => {
  it('finds no fault in domain and contract as they are', () => {
    expect(faultsOf(programWith(new Map()))).toEqual([]);
  }, 240_000);

  it('points at each switch that must know a new event or a new command', () => {
    const edited = new Map([
      [events, withOneMoreEvent()],
      [commands, withOneMoreCommand()],
    ]);
    const faults = faultsOf(programWith(edited));
    for (const where of [
      /^packages\/contract\/src\/views\/session\.ts /,
      /^src\/domain\/\S+ decide/,
      /^src\/domain\/\S+ (evolve|remember)/,
    ]) {
      expect(faults).toContainEqual(expect.stringMatching(where));
    }
  }, 240_000);
});

import ts from 'typescript';
import { all, breach, decorator, parse, typescript } from '../support/sources.ts';

const verbs = ['Get', 'Post', 'Put', 'Patch', 'Delete', 'Options', 'Head', 'All', 'Sse'];

/** Constructor parameters that Nest would fill with `undefined`, in silence. */
function uninjected(file: ts.SourceFile): string[] {
  return all(file, ts.isClassDeclaration)
    .filter((one) => decorator(one, 'Injectable', 'Controller', 'WebSocketGateway', 'Catch'))
    .flatMap(({ members }) => members.filter(ts.isConstructorDeclaration))
    .flatMap(({ parameters }) => [...parameters])
    .filter((parameter) => !decorator(parameter, 'Inject')?.arguments.length)
    .map((node) =>
      breach(node, `Nest leaves ${node.name.getText()} undefined: add @Inject(TOKEN)`),
    );
}

interface Route {
  readonly method: ts.MethodDeclaration;
  /** As a client asks for it; undefined when it is not written out. */
  readonly path: string | undefined;
  /** What `@RequiresScope` says, on the method or else the class. */
  readonly needs: string | undefined;
}

/** What a decorator is given: '' for nothing, undefined for something else than plain text. */
const textOf = (call: ts.CallExpression | undefined): string | undefined => {
  const [given] = call?.arguments ?? [];
  if (given === undefined) return '';
  return ts.isStringLiteralLike(given) ? given.text : undefined;
};

const routesOf = (file: ts.SourceFile): Route[] =>
  all(file, ts.isMethodDeclaration).flatMap((method) => {
    const verb = decorator(method, ...verbs);
    if (!verb) return [];
    const parts = [textOf(decorator(method.parent, 'Controller')), textOf(verb)];
    const needs = decorator(method, 'RequiresScope') ?? decorator(method.parent, 'RequiresScope');
    return {
      method,
      path: parts.includes(undefined) ? undefined : `/${parts.filter(Boolean).join('/')}`,
      needs: needs && textOf(needs),
    };
  });

const open = 'nothing';

/** Routes that name no scope, and routes that need no key without being one of the open paths. */
function unguarded(file: ts.SourceFile, openPaths: readonly string[]): string[] {
  return routesOf(file).flatMap(({ method, path, needs }) => {
    if (needs === undefined) return breach(method, 'names no scope: add @RequiresScope(scope)');
    if (needs !== open || (path !== undefined && openPaths.includes(path))) return [];
    return breach(
      method,
      `${path ?? 'its path'} is no open path: name a scope, or add it to OPEN_PATHS`,
    );
  });
}

/** Open paths that no route without a scope answers. */
const idleOpenPaths = (openPaths: readonly string[], files: readonly ts.SourceFile[]): string[] => {
  const routes = files.flatMap(routesOf).filter(({ needs }) => needs === open);
  return openPaths
    .filter((path) => !routes.some((route) => route.path === path))
    .map((path) => `OPEN_PATHS has ${path}, which no route with @RequiresScope('nothing') answers`);
};

/** The paths written out in `OPEN_PATHS`. */
const openPathsOf = (edge: ts.SourceFile): string[] =>
  all(edge, ts.isVariableDeclaration)
    .filter(({ name }) => name.getText() === 'OPEN_PATHS')
    .flatMap((list) => all(list, ts.isStringLiteral))
    .map(({ text }) => text);

describe('what Nest calls', () => {
  const files = typescript('src/');
  const openPaths = openPathsOf(parse('src/http/request-hooks.ts'));

  it('has each constructor parameter injected by token', () => {
    expect(files.flatMap(uninjected)).toEqual([]);
  });

  it('names a scope on each route, and no key is needed on the open paths alone', () => {
    expect(openPaths).toContain('/health/ready');
    expect(files.flatMap((file) => unguarded(file, openPaths))).toEqual([]);
    expect(idleOpenPaths(openPaths, files)).toEqual([]);
  });

  it('is caught with a parameter that has no token', () => {
    const text = `@Controller('a') class A {
      constructor(@Inject(LOG) log: Log, private readonly tail: Tail, @Inject() feed: Feed) {}
    }
    class B { constructor(log: Log) {} }`;
    expect(uninjected(parse('a.ts', text))).toEqual([
      'a.ts:2 Nest leaves tail undefined: add @Inject(TOKEN)',
      'a.ts:2 Nest leaves feed undefined: add @Inject(TOKEN)',
    ]);
  });

  it('is caught with a route that is open by mistake', () => {
    const text = `@Controller('a') class A {
      @Get('in') @RequiresScope('nothing') in() {}
      @Get('out') @RequiresScope('nothing') out() {}
      @Post() none() {}
      @Put(PATH) @RequiresScope('nothing') unreadable() {}
      @Delete() @RequiresScope('write') fine() {}
    }
    @Controller() @RequiresScope('nothing') class B {
      @Get() root() {}
      @Get('in') @RequiresScope('read') fine() {}
    }`;
    expect(unguarded(parse('a.ts', text), ['/a/in'])).toEqual([
      'a.ts:3 /a/out is no open path: name a scope, or add it to OPEN_PATHS',
      'a.ts:4 names no scope: add @RequiresScope(scope)',
      'a.ts:5 its path is no open path: name a scope, or add it to OPEN_PATHS',
      'a.ts:9 / is no open path: name a scope, or add it to OPEN_PATHS',
    ]);
    expect(idleOpenPaths(['/a/in', '/in'], [parse('a.ts', text)])).toHaveLength(1);
  });
});

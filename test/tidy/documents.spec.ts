import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { filesBelow, read, root } from '../support/sources.ts';

const readmeLinesMax = 130;

/** The lines of a document, those of its code blocks made empty. */
const proseOf = (text: string): string[] => {
  let fence = '';
  return text.split('\n').map((line) => {
    const [mark = ''] = /^ *(```|~~~)/.exec(line) ?? [];
    if (!mark) return fence ? '' : line;
    fence = fence ? '' : mark;
    return '';
  });
};

/** A document has one `# Title`, as its first line. */
function mistitled(path: string, text: string): string[] {
  const prose = proseOf(text);
  return [
    ...(prose[0]?.startsWith('# ') ? [] : [`${path}:1 begin with a "# Title"`]),
    ...prose.flatMap((line, nth) =>
      nth > 0 && line.startsWith('# ') ? [`${path}:${nth + 1} a second title: use "##"`] : [],
    ),
  ];
}

/** The anchor that a heading gets. */
const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsOf = (text: string): string[] =>
  proseOf(text)
    .filter((line) => /^#+ /.test(line))
    .map((line) => slug(line.replace(/^#+ /, '')));

/** Links into the project that lead to nothing; `open` gives a file's text, '' for a folder. */
function brokenLinks(
  path: string,
  text: string,
  open: (path: string) => string | undefined,
): string[] {
  return proseOf(text).flatMap((line, nth) =>
    [...line.matchAll(/\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]: (\S+)/g)]
      .map(([, inline, reference]) => inline ?? reference ?? '')
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [to = '', anchor] = link.split('#');
        const found = to ? open(posix.join(posix.dirname(path), to)) : text;
        return found === undefined || (anchor !== undefined && !anchorsOf(found).includes(anchor));
      })
      .map((link) => `${path}:${nth + 1} ${link} leads nowhere: mend the link`),
  );
}

describe('a document', () => {
  const documents = filesBelow().filter((path) => path.endsWith('.md'));
  const open = (path: string): string | undefined => {
    if (!existsSync(root + path)) return undefined;
    return path.endsWith('.md') ? read(path) : '';
  };

  it('has one title', () => {
    expect(documents).toContain('README.md');
    expect(documents.flatMap((path) => mistitled(path, read(path)))).toEqual([]);
  });

  it('links to what there is', () => {
    expect(documents.flatMap((path) => brokenLinks(path, read(path), open))).toEqual([]);
  });

  it('is read in a few minutes when it is the first one', () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(readmeLinesMax);
  });

  it('is caught without a title or with two', () => {
    const fine = '# One\n\n```sh\n# no title\n```\n## Two\n';
    expect(mistitled('a.md', fine)).toEqual([]);
    expect(mistitled('a.md', `${fine}# Three\n`)).toEqual(['a.md:7 a second title: use "##"']);
    expect(mistitled('a.md', `\n${fine}`)).toHaveLength(2);
  });

  it('is caught with a link that leads nowhere', () => {
    const text = [
      '# The title',
      '[a](b.md) [b](../README.md) [c](https://example.org/x) [d](#the-title) [e](b.md#here)',
      '[f](gone.md) [g](#elsewhere) [h](b.md#there "title")',
      '[i]: gone.md',
      '```\n[j](gone.md)\n```',
    ].join('\n');
    const there: Record<string, string> = { 'docs/b.md': '# B\n## Here', 'README.md': '# R' };
    expect(brokenLinks('docs/a.md', text, (path) => there[path])).toEqual([
      'docs/a.md:3 gone.md leads nowhere: mend the link',
      'docs/a.md:3 #elsewhere leads nowhere: mend the link',
      'docs/a.md:3 b.md#there leads nowhere: mend the link',
      'docs/a.md:4 gone.md leads nowhere: mend the link',
    ]);
  });
});

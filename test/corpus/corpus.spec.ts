import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { eventTypes } from '@playhead/contract';
import { upcast } from '../../src/log/upcasts.ts';
import {
  corpusFiles,
  corpusFolder,
  digestOf,
  eventsIn,
  fileName,
  foldsOf,
  misreadEvents,
  missingFiles,
  parsed,
  type CorpusEvent,
  type CorpusFile,
} from '../support/corpus.ts';

/*
 * Every version of every event type that was ever released, as it was stored, and what is made of
 * it. With PLAYHEAD_WRITE_CORPUS=1 this writes `expected.json` and the digests of new files: for
 * who has added a version, or has changed a fold and wants the change.
 */

type Digests = Readonly<Record<string, string>>;

const expectedFile = `${corpusFolder}expected.json`;
const digestsFile = `${corpusFolder}digests.json`;

const json = <Value>(path: string): Value | undefined =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Value) : undefined;

const write = (path: string, value: unknown): void =>
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

/** Files that are not what was released; one that has no digest yet was not released. */
const changedFiles = (files: readonly CorpusFile[], digests: Digests): string[] => {
  const found = new Map(files.map((file) => [file.name, digestOf(file)]));
  return Object.entries(digests)
    .filter(([name, digest]) => found.get(name) !== digest)
    .map(([name]) => `${name} ${found.has(name) ? 'was changed' : 'is gone'}: put it back`);
};

const files = corpusFiles();
const events = files.flatMap(eventsIn);

beforeAll(async () => {
  if (process.env['PLAYHEAD_WRITE_CORPUS'] !== '1') return;
  if (process.env['CI']) throw new Error('CI compares with what is there and writes nothing');
  write(expectedFile, await foldsOf(events));
  const digests = Object.fromEntries(files.map((file) => [file.name, digestOf(file)]));
  write(digestsFile, { ...digests, ...json<Digests>(digestsFile) });
});

describe('the corpus of released events', () => {
  it('has every version of every type up to today', () => {
    expect(missingFiles(files)).toEqual([]);
  });

  it('holds in each file what its name says, and what came before it, as stores have it', () => {
    for (const file of files) {
      const held = new Set(eventsIn(file).map(({ type, v }) => fileName(type, v)));
      expect([...held]).toContain(file.name);
    }
    for (const { data, meta } of events) {
      expect([data, meta].map((text) => JSON.stringify(JSON.parse(text)))).toEqual([data, meta]);
    }
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  it('is read in the shape of today, whatever its version', () => {
    expect(misreadEvents(events)).toEqual([]);
  });

  it('is still there as it was stored when it was read, in one version or another', () => {
    let lifted = 0;
    for (const event of events) {
      const read = upcast(parsed(event));
      const { v, data } = read.stored ?? read;
      expect([v, JSON.stringify(data)]).toEqual([event.v, event.data]);
      lifted += read.stored ? 1 : 0;
    }
    expect(lifted).toBeGreaterThan(0);
  });

  it('is never changed once it was released', () => {
    const digests = json<Digests>(digestsFile) ?? {};
    expect(changedFiles(files, digests)).toEqual([]);
    expect(Object.keys(digests).sort()).toEqual(files.map(({ name }) => name));
  });

  it('is folded into what it was always folded into', async () => {
    expect(await foldsOf(events)).toEqual(json(expectedFile));
  });
});

describe('a corpus is caught', () => {
  const stored = (some: Partial<CorpusEvent>): CorpusEvent => ({
    ...{ stream: 'session-a', revision: 0, id: 'i', type: 'session.resumed', v: 1 },
    ...{ data: '{}', meta: '{}', ...some },
  });

  it('without a version, or with an empty file of it', () => {
    const types = { 'a.b': { v: 3 } };
    const has = (name: string, text = 'x'): CorpusFile => ({ name, text });
    const some = [has('a.b.v1.jsonl'), has('a.b.v2.jsonl', '\n')];
    expect(missingFiles(some, types)).toEqual(['a.b.v2.jsonl', 'a.b.v3.jsonl']);
  });

  it('with an event that no upcast leads to today', () => {
    const old = stored({ v: eventTypes['session.resumed'].v - 1 });
    expect(misreadEvents([old])).toEqual([expect.stringContaining('read as version 0')]);
    expect(misreadEvents([old], { 'session.resumed': { 0: (data) => data } })).toEqual([]);
    expect(misreadEvents([stored({ type: 'no.more' })])).toEqual([
      expect.stringContaining('the contract has no such type'),
    ]);
  });

  it('with data in another shape, with a field less or more', () => {
    const misread = (data: string) => misreadEvents([stored({ type: 'session.renamed', data })]);
    expect(misread('{"name":"x"}')).toEqual([]);
    expect(misread('{"name":7}')).toEqual([expect.stringContaining('name: Invalid input')]);
    expect(misread('{"name":"x","title":"x"}')).toEqual([
      expect.stringContaining('holds what today'),
    ]);
  });

  it('with a released file that was changed or is gone', () => {
    const file = { name: 'a.b.v1.jsonl', text: 'x' };
    const digests = { [file.name]: digestOf(file) };
    expect(changedFiles([file, { name: 'new', text: '' }], digests)).toEqual([]);
    expect(changedFiles([{ ...file, text: 'y' }], digests)).toEqual([
      'a.b.v1.jsonl was changed: put it back',
    ]);
    expect(changedFiles([], digests)).toEqual(['a.b.v1.jsonl is gone: put it back']);
  });
});

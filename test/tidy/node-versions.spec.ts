import { readFileSync } from 'node:fs';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const workflow = read('.github/workflows/ci.yml');
const tested = (/node: \[([\d, ]+)\]/.exec(workflow)?.[1] ?? '').split(', ').map(Number);

describe('the versions of Node', () => {
  it('that are tested begin with the oldest that may be used', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const oldest = Number(/^>=(\d+)\./.exec(engines.node)?.[1]);
    expect(tested[0]).toBe(oldest);
    expect(tested.length).toBeGreaterThan(1);
  });

  it('of the image and of the other jobs are the newest that is tested', () => {
    const images = [...read('Dockerfile').matchAll(/^FROM node:(\d+)/gm)];
    const jobs = [...workflow.matchAll(/node-version: (\d+)/g)];
    const used = [...images, ...jobs].map(([, version]) => Number(version));
    expect(used.length).toBeGreaterThanOrEqual(3);
    expect(new Set(used)).toEqual(new Set([tested.at(-1)]));
  });

  it('are what the README names', () => {
    const [, named = ''] = /With Node ([\d., or]+)/.exec(read('README.md')) ?? [];
    const versions = named.match(/\d+/g)?.map(Number) ?? [];
    expect(tested.every((version) => versions.includes(version))).toBe(true);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One request of the recorded AgentPipe CLI. */
export interface RecordedRequest {
  readonly body_raw: string;
  readonly body: { type: string; timestamp: string; data: Record<string, unknown> };
  readonly at_ms: number;
}

export interface Sample {
  readonly name: string;
  readonly bodies: readonly string[];
}

interface SamplesFile {
  sequences: { name: string; requests: RecordedRequest[] }[];
  synthetic_variants: { name: string; body: { type: string } }[];
}

const folder = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** Where a recorded input lies, `undefined` when the recordings are not beside the project. */
export const recordedFile = (name: string): string | undefined =>
  existsSync(`${folder}${name}`) ? `${folder}${name}` : undefined;

const file = recordedFile('agentpipe-samples.json');
const samples = file ? (JSON.parse(readFileSync(file, 'utf8')) as SamplesFile) : undefined;

/** Whether the recordings are here; tests that need them are skipped by name otherwise. */
export const haveSamples = samples !== undefined;

/** The eight recorded runs of the real CLI, the bodies byte for byte. */
export const recordedRuns: readonly Sample[] = (samples?.sequences ?? []).map((run) => ({
  name: run.name,
  bodies: run.requests.map((request) => request.body_raw),
}));

/** Hand-made bodies of older versions and odd cases. */
export const variants: readonly Sample[] = (samples?.synthetic_variants ?? []).map((variant) => ({
  name: variant.name,
  bodies: [JSON.stringify(variant.body)],
}));

/** The variants that are events; the others are meant to be refused. */
export const goodVariants = variants.filter(({ name }) => !name.startsWith('unknown type'));

/** A recorded input as text; only where `haveSamples`. */
export const dataFile = (name: string): string => readFileSync(`${folder}${name}`, 'utf8');

/** For tests of the recordings; skipped by name where they are not. */
export const describeWithSamples = haveSamples ? describe : describe.skip;

import { parseArgs } from 'node:util';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { variableNames } from '../../src/config/config.ts';
import { COSTS, type KnownStore } from './costs.ts';

export const USAGE = `npm run price -- [OPTION...]
  --requests N        requests of clients a month, such as 1e7, or 1e6..1e9 for each power of ten; by default 1e6..1e9
  --pushes N          images that are pushed a month; by default a thousandth of the requests
  --layers N          of each image; by default 5
  --store NAME        durable, kv, redis or memory; by default all of them
  --hits SHARE        of the questions that the cache answers, from 0 to 1; by default 0.85
  --memory SHARE      of these hits, those that an isolate's memory answers; by default 0.3
  --peak TIMES        how many times the mean the busiest hour has; by default 5
  --busiest SHARE     of the busiest repository; by default 0.2
  --simulate          sends a traffic through the edge's own code, for several TTLs; --requests is one number then
    --ttl NAME=VALUE    one of the TTLs to compare, several with commas; may be repeated
    --repositories N    by default 200; the n-th is pulled 1/n as often as the first
    --fleet N           how many nodes pull an image at about the same time; by default 20
    --isolates N        by default 8
    --sample N          how many questions are asked for each TTL; by default 10000
    --seed N            another one is another traffic; by default 1
A question is a HEAD of a tag or a blob, or a GET of a manifest. Everything else passes, and costs a request to Workers.`;

const OPTIONS = {
  requests: { type: 'string' },
  pushes: { type: 'string' },
  layers: { type: 'string', default: '5' },
  store: { type: 'string' },
  hits: { type: 'string', default: '0.85' },
  memory: { type: 'string', default: '0.3' },
  peak: { type: 'string', default: '5' },
  busiest: { type: 'string', default: '0.2' },
  simulate: { type: 'boolean', default: false },
  ttl: { type: 'string', multiple: true },
  repositories: { type: 'string', default: '200' },
  fleet: { type: 'string', default: '20' },
  isolates: { type: 'string', default: '8' },
  sample: { type: 'string', default: '10000' },
  seed: { type: 'string', default: '1' },
  help: { type: 'boolean', default: false },
} as const;

type WholeOption = 'pushes' | 'layers' | 'repositories' | 'fleet' | 'isolates' | 'sample' | 'seed';

export type PriceOptions = ReturnType<typeof readOptions>;

/** Reads the command's options. @throws Error one of them is bad: the message says what it should be */
export function readOptions(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const whole = (name: WholeOption, min: number, max: number) =>
    numberOf(name, values[name] ?? '', { min, max, isWhole: true });
  const share = (name: 'hits' | 'memory') => numberOf(name, values[name], { min: 0, max: 1 });
  const requests = rangeOf(values.requests ?? (values.simulate ? '1e7' : '1e6..1e9'));
  if (values.simulate && requests.length > 1) throw new Error('--requests: expected one number with --simulate');
  return {
    ...{ requests, stores: storesOf(values.store), isSimulated: values.simulate, isHelp: values.help },
    /** `undefined`: a part of the requests. */
    pushes: values.pushes === undefined ? undefined : whole('pushes', 0, 1e9),
    layers: whole('layers', 1, 500),
    answers: { hits: share('hits'), memory: share('memory') },
    unevenness: {
      peak: numberOf('peak', values.peak, { min: 1, max: 1_000 }),
      busiest: numberOf('busiest', values.busiest, { min: 0.001, max: 1 }),
    },
    choices: (values.ttl ?? []).map(choiceOf),
    repositories: whole('repositories', 1, 10_000),
    fleet: whole('fleet', 1, 10_000),
    isolates: whole('isolates', 1, 100),
    sample: whole('sample', 100, 1_000_000),
    seed: whole('seed', 0, 2 ** 32 - 1),
  };
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

function numberOf(name: string, text: string, { min, max, isWhole = false }: Bounds): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  throw new Error(`--${name}: expected a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`);
}

/** Reads `1e7`, or `1e6..1e9`, which stands for each power of ten between. */
function rangeOf(text: string): number[] {
  const bounds = { min: 1_000, max: 1e12, isWhole: true };
  const [from = 0, to = from, ...others] = text.split('..').map((part) => numberOf('requests', part, bounds));
  if (others.length > 0) throw new Error('--requests: expected one number, or two such as 1e6..1e9');
  const all: number[] = [];
  for (let requests = from; requests <= to; requests *= 10) all.push(requests);
  if (all.length === 0) throw new Error('--requests: expected the smaller number first, such as 1e6..1e9');
  return all;
}

function storesOf(name: string | undefined): readonly KnownStore[] {
  if (name === undefined) return ['durable', 'kv', 'redis'];
  const known = Object.keys(COSTS) as KnownStore[];
  const store = known.find((one) => one === name);
  if (!store) throw new Error(`--store: expected one of ${known.join(', ')}`);
  return [store];
}

/** Reads `TAG_TTL=1m,DESCRIPTOR_TTL=6h`. The edge itself judges the values. */
function choiceOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => /^([A-Z_]+)=([^=]+)$/.exec(pair.trim()));
  if (pairs.some((pair) => !pair)) throw new Error('--ttl: expected a variable and its value, such as TAG_TTL=1m');
  const known = variableNames(BACKENDS);
  const unknown = pairs.find((pair) => !known.includes(pair?.[1] ?? ''));
  if (unknown) throw new Error(`--ttl: ${unknown[1]} is no variable of the edge: expected one such as TAG_TTL`);
  return Object.fromEntries(pairs.map((pair) => [pair?.[1], pair?.[2]]));
}

import fc from 'fast-check';
import type { Caller } from './callers.ts';
import { BLOBS, MANIFESTS } from './images.ts';
import { UPSTREAMS } from './side.ts';
import { ISOLATES, REPOSITORIES } from './world.ts';

const VERBS = {
  'head blob': 16,
  'get blob': 1,
  'head manifest': 5,
  'get manifest': 5,
  'head tag': 3,
  'get tag': 3,
  push: 9,
  upload: 4,
  mount: 2,
  'delete blob': 4,
  'delete manifest': 3,
  'delete tag': 2,
  purge: 1,
  'announce a deleted blob': 1,
  /** Behind the edges' backs. */
  'the registry receives a blob': 5,
  'the registry loses a blob': 3,
  'the registry receives a manifest': 4,
  'the registry loses a manifest': 1,
  'the registry moves a tag': 2,
  'an isolate restarts': 1,
  'the writer loses its rights': 1,
  'the writer gets its rights': 1,
} as const;
export type Verb = keyof typeof VERBS;

/** Without these nothing could go wrong: questions and pushes, and content that comes back. */
const ALWAYS = [
  'head blob',
  'head manifest',
  'get manifest',
  'head tag',
  'push',
  'the registry receives a blob',
  'the registry receives a manifest',
] as const;

/** The callers, by how often they do something. */
const CALLERS: Readonly<Record<Caller, number>> = {
  verified: 6,
  writer: 4,
  puller: 4,
  reader: 2,
  fresh: 2,
  looker: 2,
  pusher: 1,
  stranger: 1,
};

/** How much later than the step before something begins, in ms, by how often. */
const PAUSES = { 0: 12, 1: 6, 500: 6, 2000: 4, 4000: 4, 11000: 4, 31000: 1, 51000: 1, 61000: 1 };

/** Draws one of the keys, as often as their weights say. */
function oneOf<K extends string | number>(
  weights: Readonly<Record<K, number>>,
  keys = Object.keys(weights) as K[],
): fc.Arbitrary<K> {
  return fc.oneof(...keys.map((key) => ({ arbitrary: fc.constant(key), weight: weights[key] })));
}

/** Draws some of the keys. */
function someOf<K extends string>(weights: Readonly<Record<K, number>>, minLength: number): fc.Arbitrary<K[]> {
  return fc.subarray(Object.keys(weights) as K[], { minLength });
}

/** What one run is about: what happens only together with everything else hardly ever happens. */
const focus = fc.record({
  verbs: someOf(VERBS, 2),
  callers: someOf(CALLERS, 0).map((some) => [...some, 'verified' as const]),
  pauses: fc
    .subarray(Object.keys(PAUSES).map(Number) as (keyof typeof PAUSES)[], { minLength: 1 })
    .map((some) => [0 as const, 1 as const, ...some]),
  isolates: fc.integer({ min: 1, max: ISOLATES }),
  upstreams: fc.constantFrom([0], [1], [...UPSTREAMS.keys()]),
  names: fc.constantFrom(1, 1, 1, REPOSITORIES),
  blobs: fc.integer({ min: 1, max: BLOBS }),
  manifests: fc.uniqueArray(fc.nat(MANIFESTS - 1), { minLength: 1, maxLength: MANIFESTS }),
});
type Focus = typeof focus extends fc.Arbitrary<infer F> ? F : never;

/** One thing that somebody does. */
const moveOf = ({ verbs, callers, isolates, upstreams, names, blobs, manifests }: Focus) =>
  fc.record({
    verb: fc.oneof(oneOf(VERBS, verbs), oneOf(VERBS, [...ALWAYS])),
    isolate: fc.nat(isolates - 1),
    caller: oneOf(CALLERS, callers),
    upstream: fc.constantFrom(...upstreams),
    name: fc.nat(names - 1),
    blob: fc.nat(blobs - 1),
    manifest: fc.constantFrom(...manifests),
    tag: fc.constantFrom('latest', 'v1'),
    /** Whether it is about what changed last, and not about what is drawn here. */
    isFollowing: fc.boolean(),
    /** Whether a manifest is pushed by its tag, and how a blob is uploaded. */
    way: fc.constantFrom(0, 1, 2),
  });
export type Move = ReturnType<typeof moveOf> extends fc.Arbitrary<infer M> ? M : never;

/** What begins at the same time. */
const stepOf = (all: Focus) =>
  fc.record({
    ms: oneOf(PAUSES, all.pauses).map(Number),
    moves: fc.array(moveOf(all), { minLength: 1, maxLength: 4 }),
    /** How much of all that is under way goes on before the next step; at the end everything does. */
    tasks: oneOf({ 1: 1, 5: 2, 20: 3, 1000: 4 }).map(Number),
  });
export type Step = ReturnType<typeof stepOf> extends fc.Arbitrary<infer S> ? S : never;

/** @param length how many steps */
export function stepsOf(length: number): fc.Arbitrary<Step[]> {
  return focus.chain((all) => fc.array(stepOf(all), { minLength: length, maxLength: length }));
}

import { expect, test } from 'vitest';
import { PATIENT, startEdge } from '../edge.ts';
import { describeBackends } from '../tools.ts';
import { publishMirrored } from './mirrored.ts';
import type { ConformanceOrigin } from './origins.ts';
import { type Caller, countHits, differencesIn } from './pairs.ts';
import { type Pair, startRepeatingProxy } from './repeating.ts';
import { differencesOf, type Results } from './results.ts';
import { runSuite } from './suite.ts';

/** A test makes up to two runs. */
const LIMIT = { timeout: 240_000 };
/** So many tests of the suite pass at least, or it has tested nothing. */
const LEAST_PASSED = 600;
/** Of the second answers that the laws allow to come from the cache. Not every store keeps the largest manifests. */
const LEAST_HITS = 0.9;
/** Nothing changes at the origin while a mirror is tested, so tags and lists may be kept throughout. */
const OPEN_MIRROR = { ...PATIENT, CLIENT_AUTH: 'anonymous', TAG_TTL: '5m', LIST_TTL: '5m' };

/** Runs the conformance suite through an edge with each store, and expects each test to end as without the edge. */
export function describeConformance(origin: ConformanceOrigin): void {
  let once: Promise<Results> | undefined;
  let twice: Promise<Results> | undefined;
  describeBackends([origin.tool, 'oci-conformance'], `the conformance suite, ${origin.name}`, (backend) => {
    const setup = `${origin.name}, ${backend}`;

    test('each test ends as without the edge', LIMIT, async () => {
      once ??= origin.start().then((url) => runSuite(url));
      const { url } = await startEdge({ origin: await origin.start(), backend });
      const results = await runSuite(url);
      expectKnown(origin, await once, results);
      print(setup, results);
    });

    test('each GET and HEAD is asked twice: the second answers are hits, and equal', LIMIT, async () => {
      twice ??= origin.start().then(async (url) => (await runTwice(url)).results);
      const url = await origin.start();
      const edge = await startEdge({ origin: url, backend, variables: PATIENT });
      const { results, pairs } = await runTwice(edge.url, url);
      expectKnown(origin, await twice, results);
      expectEqual(pairs, origin.forgetful);
      print(`${setup}, asked twice`, results, expectHits('may push', pairs));
    });

    test('each GET and HEAD of an open mirror is asked twice: tags and lists are hits, too', LIMIT, async () => {
      const url = await origin.start();
      const settings = await publishMirrored(url);
      const edge = await startEdge({ origin: url, backend, variables: OPEN_MIRROR });
      const { results, pairs } = await runTwice(edge.url, url, settings);
      expect(differencesOf((await runTwice(url, undefined, settings)).results, results)).toEqual([]);
      expectEqual(pairs, []);
      print(`${setup}, open mirror, asked twice`, results, expectHits('only pulls', pairs));
    });
  });
}

/** Runs the suite through a repeating proxy. @param settings of the suite */
async function runTwice(
  target: string,
  origin?: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ results: Results; pairs: readonly Pair[] }> {
  const { url, pairs } = await startRepeatingProxy(target, origin);
  return { results: await runSuite(url, settings), pairs };
}

/** Expects that of all tests only those end otherwise that are known to. */
function expectKnown({ known }: ConformanceOrigin, direct: Results, through: Results): void {
  expect(direct.counts.passed).toBeGreaterThan(LEAST_PASSED);
  expect(differencesOf(direct, through)).toEqual(known.map(({ test, before, after }) => ({ test, before, after })));
}

/** Expects the two answers of each pair, and hits and the origin's answers, to differ only in what is expected. */
function expectEqual(pairs: readonly Pair[], expected: readonly string[]): void {
  const unequal = pairs.flatMap((pair) => differencesIn(pair).map((difference) => ({ difference, path: pair.path })));
  const unexpected = unequal.filter(({ difference }) => !expected.includes(difference));
  expect(unexpected).toEqual([]);
  expect([...new Set(unequal.map(({ difference }) => difference))]).toEqual(expected);
}

/** @returns the hits in a few words */
function expectHits(caller: Caller, pairs: readonly Pair[]): string {
  const { hits, allowed, forbidden } = countHits(caller, pairs);
  expect(forbidden).toEqual([]);
  expect(hits / allowed).toBeGreaterThanOrEqual(LEAST_HITS);
  return `, ${hits} hits of ${allowed} that may be, ${pairs.length} asked`;
}

function print(what: string, { counts: { passed, skipped, failed } }: Results, hits = ''): void {
  console.log(`conformance, ${what}: ${passed} passed, ${skipped} skipped, ${failed} failed${hits}`);
}

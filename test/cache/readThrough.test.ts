import { describe, expect, it } from 'vitest';
import { createProvider } from '../../src/cache/descriptors.ts';
import { type CacheItem, descriptorItem } from '../../src/cache/item.ts';
import type { OriginAnswer } from '../../src/cache/originAnswer.ts';
import { readThrough } from '../../src/cache/readThrough.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import type { RepositoryDescriptors } from '../../src/stores/descriptors.ts';
import { createInMemoryDescriptors } from '../../src/stores/memory/descriptors.ts';
import { observed } from '../../src/stores/observed.ts';
import { cacheStatus } from '../../src/telemetry/headers.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, someDigest, someName } from '../support/digests.ts';

const TTLS = { descriptorMs: 3_600_000, pushExistenceMs: 300_000, tagMs: 0, staleMs: 0 };
const STALE_MS = 600_000;
const TIMEOUT_MS = 30;

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Case {
  /** How long the store takes, and whether it fails then. */
  readonly stat?: { delayMs?: number; fails?: boolean };
  readonly stored?: boolean;
  /** How long ago the origin confirmed what is stored. */
  readonly ageMs?: number;
  readonly origin?: { delayMs?: number; status?: number; fails?: boolean; confirmed?: boolean };
  readonly setFails?: boolean;
  /** STALE_IF_ERROR is on. */
  readonly mayBeStale?: boolean;
  /** The origin asked to be left alone. */
  readonly paused?: boolean;
  /** The caller does not take what is stored. */
  readonly isNotTaken?: boolean;
}

/** Runs one question against a store and an origin that behave as told. */
async function run(given: Case) {
  const { stat = {}, stored = false, ageMs = 0, origin = {}, setFails = false } = given;
  const clock = createClock();
  const ctx = contextOf(clock);
  const digest: Digest = someDigest();
  const provider = createProvider(
    createInMemoryDescriptors(createMemory({ entries: 10, bytes: 100_000 }), {
      ttlMs: TTLS.descriptorMs,
    }),
  );
  const store = provider.repositoryScoped(parseRepositoryName(someName()), 'blobs');
  if (stored) await store.setDescriptor(ctx, digest, entryFor(digest, clock.now() - ageMs));
  const service: RepositoryDescriptors = {
    ...store,
    async stat(at, asked) {
      await after(stat.delayMs ?? 0);
      if (stat.fails) throw new Error('down');
      return store.stat(at, asked);
    },
    setDescriptor: (...call) => (setFails ? Promise.reject(new Error('down')) : store.setDescriptor(...call)),
  };
  const reader = observed('kv', { repositoryScoped: () => service }).repositoryScoped(
    parseRepositoryName(someName()),
    'blobs',
  );
  let cancelled = false;
  let asked = 0;
  const result = readThrough(ctx, descriptorItem(digest, { reader, writer: () => service, ttls: TTLS }), {
    windowMs: TTLS.descriptorMs,
    staleMs: given.mayBeStale ? STALE_MS : 0,
    retryAt: given.paused ? clock.now() + 1 : 0,
    mayPush: false,
    accepts: () => !given.isNotTaken,
    cacheTimeoutMs: TIMEOUT_MS,
    async ask(_known, signal): Promise<OriginAnswer> {
      asked += 1;
      const sentAtMs = clock.now();
      signal?.addEventListener('abort', () => {
        cancelled = true;
      });
      await after(origin.delayMs ?? 0);
      if (origin.fails) throw new RegistryError('ORIGIN_UNREACHABLE');
      if (origin.status) return { kind: 'relay', response: new Response(null, { status: origin.status }), sentAtMs };
      return { kind: 'found', entry: entryFor(digest, clock.now(), { size: 99 }), confirmed: origin.confirmed ?? true };
    },
  });
  const answer = await result.then(
    ({ answer: given }) => (given.kind === 'found' ? given.entry.descriptor.size : given.kind),
    (error: RegistryError) => error.code,
  );
  const told = cacheStatus(ctx.events);
  await ctx.settled();
  const kept = (await store.stat(ctx, digest))?.descriptor.size;
  const writes = ctx.events.flatMap((event) => (event.kind === 'write-back' ? [event.outcome] : []));
  return { answer, told: told?.replace('registry-edge; ', ''), kept, writes, cancelled, asked };
}

/** The size of what stands in the store; the origin's is 99. */
const STORED = 1234;

describe('readThrough', () => {
  it.each<[string, Case, Partial<Awaited<ReturnType<typeof run>>>]>([
    ['a fresh entry answers', { stored: true }, { answer: STORED, told: 'hit; detail=kv', writes: [] }],
    ['a miss is answered by the origin and written back', {}, { answer: 99, told: 'fwd=miss; stored', kept: 99 }],
    [
      'a fault is answered by the origin, and nothing is written',
      { stat: { fails: true } },
      { answer: 99, told: 'fwd=bypass; detail=fault', kept: undefined, writes: [] },
    ],
    [
      'a miss that the origin refuses stores nothing',
      { origin: { status: 404 } },
      { answer: 'relay', told: 'fwd=miss', kept: undefined },
    ],
    [
      'what a cache on the way repeated is not written back',
      { origin: { confirmed: false } },
      { answer: 99, told: 'fwd=miss', kept: undefined, writes: [] },
    ],
    [
      'an origin out of reach after a miss is an error',
      { origin: { fails: true } },
      { answer: 'ORIGIN_UNREACHABLE', kept: undefined },
    ],
    [
      'a write-back that fails is an event, not an error',
      { setFails: true },
      { answer: 99, told: 'fwd=miss; stored', writes: ['begun', 'fault'] },
    ],
    [
      'a slow store is not waited for',
      { stat: { delayMs: 300 }, stored: true },
      { answer: 99, told: 'fwd=bypass; stored; detail=slow', kept: 99, writes: ['begun', 'done'] },
    ],
    [
      'a late stale entry that the origin no longer knows is evicted',
      { stat: { delayMs: 100 }, stored: true, ageMs: TTLS.descriptorMs, origin: { status: 404 } },
      { answer: 'relay', kept: undefined },
    ],
    [
      'a stale entry stands when the origin fails',
      { stored: true, ageMs: TTLS.descriptorMs, origin: { status: 500 } },
      { answer: 'relay', told: 'fwd=stale', kept: STORED },
    ],
    [
      'a stale entry that the origin no longer knows is evicted',
      { stored: true, ageMs: TTLS.descriptorMs, origin: { status: 404 } },
      { answer: 'relay', kept: undefined },
    ],
    [
      'a fresh entry that the caller does not take is no answer',
      { stored: true, isNotTaken: true },
      { answer: 99, asked: 1 },
    ],
    ...[429, 500, 503].map((status): [string, Case, object] => [
      `the last good entry stands in for an origin that says ${status}`,
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { status } },
      { answer: STORED, told: `fwd=stale; detail=origin-${status}`, kept: STORED, writes: [] },
    ]),
    [
      'the last good entry stands in for an origin out of reach',
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { fails: true } },
      { answer: STORED, told: 'fwd=stale; detail=unreachable', writes: [] },
    ],
    [
      'the last good entry stands in until STALE_IF_ERROR is over',
      { stored: true, ageMs: TTLS.descriptorMs + STALE_MS - 1, mayBeStale: true, origin: { status: 503 } },
      { answer: STORED },
    ],
    [
      'no entry stands in after STALE_IF_ERROR',
      { stored: true, ageMs: TTLS.descriptorMs + STALE_MS, mayBeStale: true, origin: { status: 503 } },
      { answer: 'relay' },
    ],
    [
      'no entry stands in with STALE_IF_ERROR=0',
      { stored: true, ageMs: TTLS.descriptorMs, origin: { fails: true } },
      { answer: 'ORIGIN_UNREACHABLE' },
    ],
    [
      'no entry stands in that the caller does not take',
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, isNotTaken: true, origin: { status: 503 } },
      { answer: 'relay' },
    ],
    ...[401, 403, 404].map((status): [string, Case, object] => [
      `no entry stands in for an origin that says ${status}`,
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { status } },
      { answer: 'relay', kept: status === 404 ? undefined : STORED },
    ]),
    [
      'a late entry past its window stands in for an origin out of reach',
      { stat: { delayMs: 100 }, stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { fails: true } },
      { answer: STORED, told: 'fwd=stale; detail=unreachable' },
    ],
    [
      'an origin that wants to be left alone is not asked where the last good entry will do',
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, paused: true },
      { answer: STORED, told: 'fwd=stale; detail=paused', asked: 0 },
    ],
    [
      'an origin that wants to be left alone is asked where nothing else will do',
      { stored: true, ageMs: TTLS.descriptorMs, paused: true },
      { answer: 99, asked: 1 },
    ],
    ['an origin that wants to be left alone is asked after a miss', { mayBeStale: true, paused: true }, { asked: 1 }],
    [
      'a late miss may still be written back',
      { stat: { delayMs: 100 } },
      { answer: 99, kept: 99, writes: ['begun', 'done'] },
    ],
    [
      'a late fault writes nothing',
      { stat: { delayMs: 100, fails: true } },
      { answer: 99, kept: undefined, writes: ['begun', 'fault'] },
    ],
    [
      'a slow store that is faster than the origin answers, and the origin is no longer asked',
      { stat: { delayMs: 100 }, stored: true, origin: { delayMs: 300 } },
      { answer: STORED, told: 'hit; detail=kv', cancelled: true, writes: [] },
    ],
    [
      'a slow store answers where the origin is out of reach',
      { stat: { delayMs: 150 }, stored: true, origin: { delayMs: 20, fails: true } },
      { answer: STORED, told: 'hit; detail=kv' },
    ],
    [
      'a slow miss and an origin out of reach are an error',
      { stat: { delayMs: 100 }, origin: { fails: true } },
      { answer: 'ORIGIN_UNREACHABLE' },
    ],
  ])('%s', async (_what, given, expected) => {
    expect(await run(given)).toMatchObject(expected);
  });
});

it('an answer of the origin that comes after a late hit is let go of, and its body with it', async () => {
  const clock = createClock();
  const entry = entryFor(someDigest(), clock.now());
  const item: CacheItem = {
    stat: () => after(2 * TIMEOUT_MS).then(() => entry),
    set: async () => true,
    clear: async () => undefined,
  };
  const left = Promise.withResolvers<boolean>();
  const body = new ReadableStream({ cancel: () => left.resolve(true) });
  const { answer } = await readThrough(contextOf(clock), item, {
    ...{ windowMs: TTLS.descriptorMs, staleMs: 0, mayPush: false, cacheTimeoutMs: TIMEOUT_MS },
    async ask() {
      await after(4 * TIMEOUT_MS);
      return { kind: 'relay', response: new Response(body), sentAtMs: 0 };
    },
  });
  expect(answer).toMatchObject({ kind: 'found', entry });
  expect(await left.promise).toBe(true);
});

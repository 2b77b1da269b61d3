import { describe, expect, it } from 'vitest';
import { type CacheItem, descriptorItem } from '../../src/cache/item.ts';
import type { OriginAnswer } from '../../src/cache/originAnswer.ts';
import type { RepositoryDescriptors } from '../../src/cache/provider.ts';
import { readThrough } from '../../src/cache/readThrough.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { cacheStatus } from '../../src/telemetry/headers.ts';
import { contextOf, createClock } from '../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../support/digests.ts';
import { openMemory } from '../support/stores.ts';

const TTLS = {
  descriptorMs: 3_600_000,
  pushExistenceMs: 300_000,
  pushStaleMs: 0,
  tagMs: 0,
  longestTagMs: 0,
  staleMs: 0,
};
const STALE_MS = 600_000;
const TIMEOUT_MS = 30;

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Case {
  /** How long the store takes to answer, and whether it fails. */
  readonly stat?: { delayMs?: number; fails?: boolean };
  readonly stored?: boolean;
  /** How long ago the origin confirmed the stored entry. */
  readonly ageMs?: number;
  readonly origin?: { delayMs?: number; status?: number; fails?: boolean; confirmed?: boolean };
  readonly setFails?: boolean;
  /** Whether STALE_IF_ERROR is set. */
  readonly mayBeStale?: boolean;
  /** Whether PUSH_STALE_WHILE_REVALIDATE is set. */
  readonly mayRevalidate?: boolean;
  /** Whether the origin asked for no requests (Retry-After). */
  readonly paused?: boolean;
  /** Whether the caller does not accept the media type of the stored entry. */
  readonly rejectsEntry?: boolean;
}

/** Runs one read through the cache, with a store and an origin that behave as the case says. */
async function run(given: Case) {
  const { stat = {}, stored = false, ageMs = 0, origin = {}, setFails = false } = given;
  const clock = createClock();
  const ctx = contextOf(clock);
  const digest: Digest = uniqueDigest();
  const { descriptors: provider } = openMemory({ retentionMs: TTLS.descriptorMs });
  const store = provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs');
  if (stored) await store.setDescriptor(ctx, digest, entryFor(digest, clock.now() - ageMs));
  const service: RepositoryDescriptors = {
    ...store,
    async stat(...call) {
      await after(stat.delayMs ?? 0);
      if (stat.fails) throw new Error('down');
      return store.stat(...call);
    },
    setDescriptor: (...call) => (setFails ? Promise.reject(new Error('down')) : store.setDescriptor(...call)),
  };
  let aborted = false;
  let requests = 0;
  const result = readThrough(ctx, descriptorItem(digest, { reader: service, writer: () => service, ttls: TTLS }), {
    windowMs: TTLS.descriptorMs,
    staleMs: given.mayBeStale ? STALE_MS : 0,
    revalidateMs: given.mayRevalidate ? STALE_MS : 0,
    retryAt: given.paused ? clock.now() + 1 : 0,
    mayPush: false,
    accepts: () => !given.rejectsEntry,
    cacheTimeoutMs: TIMEOUT_MS,
    async ask(_known, signal): Promise<OriginAnswer> {
      requests += 1;
      const sentAtMs = clock.now();
      signal?.addEventListener('abort', () => {
        aborted = true;
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
  const status = cacheStatus(ctx.events);
  await ctx.settled();
  const size = (await store.stat(ctx, digest))?.descriptor.size;
  const writes = ctx.events.flatMap((event) => (event.kind === 'write-back' ? [event.outcome] : []));
  return { answer, status: status?.replace('registry-edge; ', ''), stored: size, writes, aborted, requests };
}

/** The size of the stored entry; the origin's is 99. */
const STORED = 1234;

describe('readThrough', () => {
  it.each<[string, Case, Partial<Awaited<ReturnType<typeof run>>>]>([
    ['a fresh entry answers', { stored: true }, { answer: STORED, status: 'hit; detail=memory', writes: [] }],
    ['a miss is answered by the origin and written back', {}, { answer: 99, status: 'fwd=miss; stored', stored: 99 }],
    [
      'a fault is answered by the origin, and nothing is written',
      { stat: { fails: true } },
      { answer: 99, status: 'fwd=bypass; detail=fault', stored: undefined, writes: [] },
    ],
    [
      'after a miss, a 404 of the origin stores nothing',
      { origin: { status: 404 } },
      { answer: 'relay', status: 'fwd=miss', stored: undefined },
    ],
    [
      'an answer that a cache on the way repeated is not written back',
      { origin: { confirmed: false } },
      { answer: 99, status: 'fwd=miss', stored: undefined, writes: [] },
    ],
    [
      'after a miss, an unreachable origin is an error',
      { origin: { fails: true } },
      { answer: 'ORIGIN_UNREACHABLE', stored: undefined },
    ],
    [
      'a write-back that fails is an event, not an error',
      { setFails: true },
      { answer: 99, status: 'fwd=miss; stored', writes: ['begun', 'fault'] },
    ],
    [
      'a slow store is not waited for, and the origin answers',
      { stat: { delayMs: 300 }, stored: true },
      { answer: 99, status: 'fwd=bypass; stored; detail=slow', stored: 99, writes: ['begun', 'done'] },
    ],
    [
      'a late stale entry is evicted by a 404 of the origin',
      { stat: { delayMs: 100 }, stored: true, ageMs: TTLS.descriptorMs, origin: { status: 404 } },
      { answer: 'relay', stored: undefined },
    ],
    [
      'a stale entry stays when the origin fails',
      { stored: true, ageMs: TTLS.descriptorMs, origin: { status: 500 } },
      { answer: 'relay', status: 'fwd=stale', stored: STORED },
    ],
    [
      'a stale entry is evicted by a 404 of the origin',
      { stored: true, ageMs: TTLS.descriptorMs, origin: { status: 404 } },
      { answer: 'relay', stored: undefined },
    ],
    [
      'a fresh entry that the caller does not accept is not the answer',
      { stored: true, rejectsEntry: true },
      { answer: 99, requests: 1 },
    ],
    ...[429, 500, 503].map((status): [string, Case, object] => [
      `the last good entry answers for an origin that responds ${status}`,
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { status } },
      { answer: STORED, status: `fwd=stale; detail=origin-${status}`, stored: STORED, writes: [] },
    ]),
    [
      'the last good entry answers for an unreachable origin',
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { fails: true } },
      { answer: STORED, status: 'fwd=stale; detail=unreachable', writes: [] },
    ],
    [
      'the last good entry answers until STALE_IF_ERROR is over',
      { stored: true, ageMs: TTLS.descriptorMs + STALE_MS - 1, mayBeStale: true, origin: { status: 503 } },
      { answer: STORED },
    ],
    [
      'no entry answers for a failing origin after STALE_IF_ERROR',
      { stored: true, ageMs: TTLS.descriptorMs + STALE_MS, mayBeStale: true, origin: { status: 503 } },
      { answer: 'relay' },
    ],
    [
      'no entry answers for a failing origin with STALE_IF_ERROR=0',
      { stored: true, ageMs: TTLS.descriptorMs, origin: { fails: true } },
      { answer: 'ORIGIN_UNREACHABLE' },
    ],
    [
      'no entry that the caller does not accept answers for a failing origin',
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, rejectsEntry: true, origin: { status: 503 } },
      { answer: 'relay' },
    ],
    ...[401, 403, 404].map((status): [string, Case, object] => [
      `no entry answers for an origin that responds ${status}`,
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { status } },
      { answer: 'relay', stored: status === 404 ? undefined : STORED },
    ]),
    [
      'a late stale entry answers for an unreachable origin',
      { stat: { delayMs: 100 }, stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, origin: { fails: true } },
      { answer: STORED, status: 'fwd=stale; detail=unreachable' },
    ],
    [
      'an origin that sent Retry-After is not asked if the last good entry can answer',
      { stored: true, ageMs: TTLS.descriptorMs, mayBeStale: true, paused: true },
      { answer: STORED, status: 'fwd=stale; detail=paused', requests: 0 },
    ],
    [
      'an origin that sent Retry-After is asked if no entry can answer',
      { stored: true, ageMs: TTLS.descriptorMs, paused: true },
      { answer: 99, requests: 1 },
    ],
    ['an origin that sent Retry-After is asked after a miss', { mayBeStale: true, paused: true }, { requests: 1 }],
    [
      'a late miss may still be written back',
      { stat: { delayMs: 100 } },
      { answer: 99, stored: 99, writes: ['begun', 'done'] },
    ],
    [
      'a late fault writes nothing',
      { stat: { delayMs: 100, fails: true } },
      { answer: 99, stored: undefined, writes: ['begun', 'fault'] },
    ],
    [
      'a slow store that is faster than the origin answers, and the request to the origin is aborted',
      { stat: { delayMs: 100 }, stored: true, origin: { delayMs: 300 } },
      { answer: STORED, status: 'hit; detail=memory', aborted: true, writes: [] },
    ],
    [
      'a slow store answers if the origin is unreachable',
      { stat: { delayMs: 150 }, stored: true, origin: { delayMs: 20, fails: true } },
      { answer: STORED, status: 'hit; detail=memory' },
    ],
    [
      'an entry past its window answers at once, and the origin’s answer is stored after the reply',
      { stored: true, ageMs: TTLS.descriptorMs + 1_500, mayRevalidate: true, origin: { delayMs: 50 } },
      { answer: STORED, status: 'hit; ttl=-2; detail=memory', stored: 99, requests: 1, writes: ['begun', 'done'] },
    ],
    [
      'an entry just past its window has a freshness of 0',
      { stored: true, ageMs: TTLS.descriptorMs, mayRevalidate: true },
      { answer: STORED, status: 'hit; ttl=0; detail=memory' },
    ],
    [
      'an entry answers at once until PUSH_STALE_WHILE_REVALIDATE is over',
      { stored: true, ageMs: TTLS.descriptorMs + STALE_MS, mayRevalidate: true },
      { answer: 99, status: 'fwd=stale; stored' },
    ],
    [
      'an entry that answered at once is evicted by a 404 of the origin',
      { stored: true, ageMs: TTLS.descriptorMs, mayRevalidate: true, origin: { status: 404 } },
      { answer: STORED, stored: undefined, writes: [] },
    ],
    ...[401, 403, 429, 503].map((status): [string, Case, object] => [
      `an entry that answered at once stays when the origin responds ${status}`,
      { stored: true, ageMs: TTLS.descriptorMs, mayRevalidate: true, origin: { status } },
      { answer: STORED, stored: STORED, writes: [] },
    ]),
    [
      'an entry that answered at once stays when the origin cannot be reached',
      { stored: true, ageMs: TTLS.descriptorMs, mayRevalidate: true, origin: { fails: true } },
      { answer: STORED, stored: STORED, writes: [] },
    ],
    [
      'a fresh entry is not asked for again',
      { stored: true, mayRevalidate: true },
      { answer: STORED, status: 'hit; detail=memory', requests: 0 },
    ],
    [
      'a slow miss and an unreachable origin are an error',
      { stat: { delayMs: 100 }, origin: { fails: true } },
      { answer: 'ORIGIN_UNREACHABLE' },
    ],
  ])('%s', async (_what, given, expected) => {
    expect(await run(given)).toMatchObject(expected);
  });
});

it('cancels the body of an origin’s answer that arrives after a late hit', async () => {
  const clock = createClock();
  const entry = entryFor(uniqueDigest(), clock.now());
  const item: CacheItem = {
    stat: () => after(2 * TIMEOUT_MS).then(() => entry),
    set: async () => true,
    clear: async () => undefined,
  };
  const cancelled = Promise.withResolvers<boolean>();
  const body = new ReadableStream({ cancel: () => cancelled.resolve(true) });
  const { answer } = await readThrough(contextOf(clock), item, {
    ...{ windowMs: TTLS.descriptorMs, staleMs: 0, revalidateMs: 0, mayPush: false, cacheTimeoutMs: TIMEOUT_MS },
    async ask() {
      await after(4 * TIMEOUT_MS);
      return { kind: 'relay', response: new Response(body), sentAtMs: 0 };
    },
  });
  expect(answer).toMatchObject({ kind: 'found', entry });
  expect(await cancelled.promise).toBe(true);
});

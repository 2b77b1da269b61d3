import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Clock, createClock } from '../support/context.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { ACCOUNT, type CallerRow, makeCallers } from '../support/policies/callers.ts';
import { listen } from '../support/policies/origin.ts';
import { read, TaggedOrigin } from '../support/policies/taggedOrigin.ts';
import { SHARED_STORES, STORES, type Store } from '../support/stores.ts';

beforeAll(listen);
afterAll(() => {
  vi.restoreAllMocks();
});

const DAY_MS = 86_400_000;
/** The first that matches counts: `v1` is 30 s and no day. */
const WINDOWS = { TAG_TTL: '10s', TAG_TTLS: 'v1=30s,none=0,v*=1d,none=1d,**-long=20s' };
/** How long each tag answers, in ms. */
const TAGS: readonly (readonly [tag: string, ms: number])[] = [
  ['v1', 30_000],
  ['v2', DAY_MS],
  ['v2-long', DAY_MS],
  ['latest-long', 20_000],
  ['latest', 10_000],
  ['none', 0],
];
/** Just before the end of the window, at its end and after it. Of a window of 0 there is no before. */
const TIMES = (ms: number) => [ms - 1, ms, ms + 1].filter((time) => time >= 0);

interface Given extends Pick<Store, 'variables'> {
  readonly caller: CallerRow;
  readonly origin: TaggedOrigin;
  readonly clock: Clock;
}

/** An edge before this store that never answers for longer than a window. */
function edgeFor({ caller, origin, variables, clock }: Given): Edge {
  const own = { ...WINDOWS, ORIGIN_URL: origin.url, DESCRIPTOR_TTL: '1h', STALE_IF_ERROR: '0' };
  return createEdge({ ...caller.variables, ...variables, ...own }, { clock });
}

/** Reads the tag. @returns whether the origin was not asked, and whether the answer is what the tag leads to now */
async function look(edge: Edge, { origin, caller }: Given) {
  origin.methods.length = 0;
  const answer = await edge.fetch(origin.path, read(caller.headers));
  return { isHit: origin.methods.length === 0, isCurrent: (await answer.text()) === origin.bytes };
}

const KINDS = (await makeCallers()).filter(({ rights }) => rights?.length !== 0);

/** An origin with this tag, and a caller of this kind who may pull it. */
async function given(tag: string, kind: CallerRow, variables: Store['variables']): Promise<Given> {
  const origin = await TaggedOrigin.create(tag, kind.isLent ? ACCOUNT : undefined);
  const caller = (await makeCallers([origin.name])).find(({ name }) => name === kind.name);
  if (!caller) throw new TypeError(`no caller is ${kind.name}`);
  return { origin, caller, variables, clock: createClock(Date.now()) };
}

describe.each(STORES)('the window of a tag that has moved, cache in $name', ({ variables }) => {
  it.each(KINDS.filter(({ onlyPulls }) => onlyPulls))('holds to the millisecond for $name', async (kind) => {
    for (const [tag, ms] of TAGS) {
      for (const time of TIMES(ms)) {
        const world = await given(tag, kind, variables);
        const edge = edgeFor(world);
        expect(await look(edge, world)).toEqual({ isHit: false, isCurrent: true });
        await world.origin.move();
        world.clock.advance(time);
        const isOpen = time < ms;
        expect([tag, time, await look(edge, world)]).toEqual([tag, time, { isHit: isOpen, isCurrent: !isOpen }]);
      }
    }
  });

  it.each(KINDS.filter(({ onlyPulls }) => !onlyPulls))('is none for $name, who may push', async (kind) => {
    for (const [tag] of TAGS) {
      const world = await given(tag, kind, variables);
      const edge = edgeFor(world);
      for (let n = 0; n < 3; n++) {
        expect([tag, await look(edge, world)]).toEqual([tag, { isHit: false, isCurrent: true }]);
        await world.origin.move();
      }
    }
  });
});

describe.each(SHARED_STORES)('the window of a tag in another isolate, cache in $name', ({ variables, sharesTags }) => {
  it.each(KINDS.filter(({ onlyPulls }) => onlyPulls))('began when the first one asked, for $name', async (kind) => {
    const world = await given('v1', kind, variables);
    const [first, second] = [edgeFor(world), edgeFor(world)];
    await look(first, world);
    await world.origin.move();
    world.clock.advance(29_999);
    // An isolate that remembers tags by itself asks, and its own window begins.
    expect(await look(second, world)).toEqual({ isHit: sharesTags, isCurrent: !sharesTags });
    world.clock.advance(1);
    expect(await look(second, world)).toEqual({ isHit: !sharesTags, isCurrent: true });
  });
});

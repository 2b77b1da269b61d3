import { describe, expect, inject, it } from 'vitest';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../../src/stores/descriptors.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { pushBlob } from '../support/push.ts';

const HEAD = { method: 'HEAD' };
const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The same store, one verb of which takes its time, or never ends. */
function slowly(
  provider: BlobDescriptorCacheProvider,
  verb: keyof RepositoryDescriptors,
  wait: () => Promise<unknown>,
): BlobDescriptorCacheProvider {
  return {
    repositoryScoped(...scope) {
      const scoped = provider.repositoryScoped(...scope);
      const slow = async (...call: unknown[]) => {
        await wait();
        return Reflect.apply(scoped[verb] as (...call: unknown[]) => unknown, scoped, call);
      };
      return { ...scoped, [verb]: slow };
    },
  };
}

describe('the reply does not wait', () => {
  it.each([
    ['HEAD of a stranger', 'HEAD', {}],
    ['HEAD of a caller with a grant', 'HEAD', { isGranted: true }],
    ['GET of a blob', 'GET', {}],
  ])('for the write-back: %s', async (_what, method, { isGranted = false }: { isGranted?: boolean }) => {
    const blob = await pushBlob();
    const order: string[] = [];
    const wait = () => passed(300).then(() => order.push('written'));
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: slowly(made.descriptors, 'setDescriptor', wait) }) },
    );
    if (isGranted) await grant(edge, blob);
    const { answer, over } = edge.send(blob.path, { method });
    expect((await answer).status).toBe(200);
    order.push('answered');
    await over;
    expect(order).toEqual(['answered', 'written']);
  });

  it('for a write-back that never ends', async () => {
    const blob = await pushBlob();
    const forever = () => new Promise(() => {});
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: slowly(made.descriptors, 'setDescriptor', forever) }) },
    );
    expect((await edge.send(blob.path, HEAD).answer).status).toBe(200);
  });

  it('for a look into the store on behalf of a stranger, nor for what evicts an entry', async () => {
    const blob = await pushBlob();
    const order: string[] = [];
    const wait = (what: string) => () => passed(300).then(() => order.push(what));
    const edge = createEdge(
      { PUSH_EXISTENCE_TTL: '1s' },
      {
        upstream: (made) => ({
          ...made,
          shared: slowly(made.shared, 'stat', wait('looked')),
          descriptors: slowly(made.descriptors, 'evict', wait('evicted')),
        }),
      },
    );
    const asked = async () => {
      const { answer, over } = edge.send(blob.path, HEAD);
      order.push(String((await answer).status));
      await over;
    };
    await asked();
    expect(order.splice(0)).toEqual(['200', 'looked']);
    // Gone at the origin, and past the window: 404 now, evicted later.
    await fetch(`${inject('originUrl')}${blob.path}`, { method: 'DELETE' });
    edge.clock.advance(2_000);
    await asked();
    expect(order.at(-1)).toBe('evicted');
    expect(order.indexOf('404')).toBeLessThan(order.indexOf('evicted'));
  });
});

describe('CACHE_TIMEOUT', () => {
  it.each([
    ['100ms', 1_500, 'registry-edge; fwd=bypass; stored; detail=slow'],
    ['5s', 400, 'registry-edge; hit; detail=kv'],
  ])('of %s, and a store that takes %i ms: %s', async (timeout, storeMs, expected) => {
    const blob = await pushBlob();
    let waitMs = 0;
    const edge = createEdge(
      { CACHE_TIMEOUT: timeout },
      { upstream: (made) => ({ ...made, shared: slowly(made.shared, 'stat', () => passed(waitMs)) }) },
    );
    await edge.fetch(blob.path, HEAD);
    waitMs = storeMs;
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe(expected);
  });
});

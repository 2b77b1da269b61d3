import { describe, expect, inject, it } from 'vitest';
import { delay } from '../../src/async.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { pushBlob } from '../support/push.ts';
import { delayCalls } from '../support/slowStore.ts';

const HEAD = { method: 'HEAD' };

describe('the reply does not wait', () => {
  it.each([
    ['a HEAD of a stranger', 'HEAD', {}],
    ['a HEAD of a caller with a grant', 'HEAD', { isGranted: true }],
    ['a GET of a blob', 'GET', {}],
  ])('for the write-back of %s', async (_what, method, { isGranted = false }: { isGranted?: boolean }) => {
    const blob = await pushBlob();
    const order: string[] = [];
    const wait = () => delay(300).then(() => order.push('written'));
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: delayCalls(made.descriptors, 'setDescriptor', wait) }) },
    );
    if (isGranted) await earnGrant(edge, blob);
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
      { upstream: (made) => ({ ...made, descriptors: delayCalls(made.descriptors, 'setDescriptor', forever) }) },
    );
    expect((await edge.send(blob.path, HEAD).answer).status).toBe(200);
  });

  it('for the lookup on behalf of a stranger, nor for an eviction', async () => {
    const blob = await pushBlob();
    const order: string[] = [];
    const wait = (what: string) => () => delay(300).then(() => order.push(what));
    const edge = createEdge(
      { PUSH_EXISTENCE_TTL: '1s' },
      {
        upstream: (made) => ({
          ...made,
          shared: delayCalls(made.shared, 'stat', wait('looked up')),
          descriptors: delayCalls(made.descriptors, 'evict', wait('evicted')),
        }),
      },
    );
    const head = async () => {
      const { answer, over } = edge.send(blob.path, HEAD);
      order.push(String((await answer).status));
      await over;
    };
    await head();
    expect(order.splice(0)).toEqual(['200', 'looked up']);
    // The blob is gone at the origin, and its entry is past the window: the reply is a 404, the eviction comes later.
    await fetch(`${inject('originUrl')}${blob.path}`, { method: 'DELETE' });
    edge.clock.advance(2_000);
    await head();
    expect(order.at(-1)).toBe('evicted');
    expect(order.indexOf('404')).toBeLessThan(order.indexOf('evicted'));
  });
});

describe('CACHE_TIMEOUT', () => {
  it.each([
    ['100ms', 1_500, 'registry-edge; fwd=bypass; stored; detail=slow'],
    ['5s', 400, 'registry-edge; hit; detail=durable'],
  ])('of %s, with a store that takes %i ms, gives %s', async (timeout, storeMs, expected) => {
    const blob = await pushBlob();
    let waitMs = 0;
    const edge = createEdge(
      { CACHE_TIMEOUT: timeout },
      { upstream: (made) => ({ ...made, shared: delayCalls(made.shared, 'stat', () => delay(waitMs)) }) },
    );
    await edge.fetch(blob.path, HEAD);
    waitMs = storeMs;
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe(expected);
  });
});

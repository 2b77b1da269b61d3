import { describe, expect, it } from 'vitest';
import { interceptObjects } from '../support/durableStore.ts';
import { createPullIsolates, pull } from '../support/pullIsolates.ts';
import { rig } from '../support/push.ts';
import { pushManifest } from '../support/pushManifest.ts';

const BUDGET = { UPSTREAM_BUDGET: '100/6h', BLOBDESCRIPTOR: 'inmemory' };

/** Creates an edge whose object that counts pulls answers as it is told to. */
function withCounter(answer: (call: () => Promise<unknown>) => Promise<unknown>) {
  const methods: string[] = [];
  const objects = interceptObjects((method, _args, call) => {
    methods.push(method);
    return answer(call);
  });
  const { edges, ...others } = createPullIsolates(1, BUDGET, { objects });
  return { edge: edges[0], methods, ...others };
}

describe('an object that cannot count pulls', () => {
  it('costs no answer: the origin is asked, and after three failures the object is left alone for half a minute', async () => {
    let isDown = true;
    const { edge, methods, events, clock } = withCounter((call) =>
      isDown ? Promise.reject(new Error('down')) : call(),
    );
    const pullOne = async () => expect((await pull(edge, (await pushManifest()).tagPath)).status).toBe(200);
    for (let n = 0; n < 5; n++) await pullOne();
    expect([methods.length, events]).toEqual([3, Array.from({ length: 5 }, () => 'fault unknown')]);
    expect(edge.log.filter((line) => line.includes('pulls could not be counted'))).toHaveLength(3);
    isDown = false;
    clock.advance(29_999);
    await pullOne();
    expect(methods).toHaveLength(3);
    clock.advance(1);
    await pullOne();
    expect([methods.length, events.at(-1)]).toEqual([4, 'granted 99']);
  });

  it('hangs no client: it is waited for ten seconds at most', async () => {
    const { edge } = withCounter(() => new Promise(() => {}));
    const { tagPath } = await pushManifest();
    const startedAt = performance.now();
    expect((await pull(edge, tagPath)).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThan(9_900);
    expect(performance.now() - startedAt).toBeLessThan(14_000);
  });

  it('after the reply is told of in the log, and nowhere else', async () => {
    const { edge } = withCounter(async (call) => {
      const taken = (await call()) as { lease?: Record<string, unknown> };
      return { ...taken, lease: { settle: () => Promise.reject(new Error('restarted')), [Symbol.dispose]: () => {} } };
    });
    const manifest = await pushManifest();
    expect(await pull(edge, manifest.tagPath)).toEqual({ status: 200, text: manifest.bytes });
    expect(edge.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
    expect(edge.log.filter((line) => line.includes('pulls could not be counted'))).toHaveLength(1);
  });
});

describe('an origin that counts pulls', () => {
  it('is asked by GET if it implements no HEAD, once for each question', async () => {
    const { edges, clock, events } = createPullIsolates(1, { UPSTREAM_BUDGET: '100/6h' });
    const manifest = await pushManifest();
    await pull(edges[0], manifest.tagPath);
    clock.advance(10_000);
    await rig.rule({ prefix: manifest.tagPath, method: 'HEAD', status: 501 });
    expect(await pull(edges[0], manifest.tagPath)).toEqual({ status: 200, text: manifest.bytes });
    expect([await manifest.questions(), events]).toEqual([
      ['GET latest', 'HEAD latest', 'GET latest'],
      ['granted 99', 'granted 98'],
    ]);
  });

  it('that cannot be reached costs a pull and keeps nobody waiting', async () => {
    const { edges } = createPullIsolates(2, { UPSTREAM_BUDGET: '100/6h', ORIGIN_TIMEOUT: '200ms' });
    const { tagPath, name } = await pushManifest();
    await rig.rule({ prefix: `/v2/${name}/`, delayMs: 1_000 });
    const startedAt = performance.now();
    const answers = await Promise.all(edges.map((edge) => pull(edge, tagPath)));
    expect(answers.map(({ status }) => status)).toEqual([502, 502]);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { delay } from '../../src/async.ts';
import type { Flights } from '../../src/isolate/singleFlight.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { pushBlob } from '../support/push.ts';

const CACHE_TIMEOUT_MS = 600;
const kv = env.DESCRIPTORS;

it('a question that a slow store has answered does not block the next one if it becomes a leader only afterwards', async () => {
  const { path } = await pushBlob();
  let lateMs = 0;
  let joining = Promise.resolve();
  const get = async (...call: Parameters<typeof kv.get>) => {
    await delay(lateMs);
    return kv.get(...call);
  };
  const edge = createEdge(
    { BLOBDESCRIPTOR: 'kv', CACHE_TIMEOUT: `${CACHE_TIMEOUT_MS}ms`, MEMORY_TTL: '0' },
    {
      namespace: { get, put: kv.put.bind(kv) } as unknown as DescriptorNamespace,
      upstream: (made) => {
        // Simulates a request that waits for a leader whose answer does not count.
        const run = (async (...question) => {
          await joining;
          return made.flights.run(...question);
        }) as Flights['run'];
        return { ...made, flights: { ...made.flights, run } };
      },
    },
  );
  await edge.fetch(path, { method: 'HEAD' });

  const gate = Promise.withResolvers<void>();
  joining = gate.promise;
  lateMs = CACHE_TIMEOUT_MS + 150;
  expect(cacheStatusOf(await edge.fetch(path, { method: 'HEAD' }))).toContain('registry-edge; hit');
  lateMs = 0;
  gate.resolve();
  await delay(50);
  const since = performance.now();
  expect(cacheStatusOf(await edge.fetch(path, { method: 'HEAD' }))).toContain('registry-edge; hit');
  expect(performance.now() - since).toBeLessThan(CACHE_TIMEOUT_MS / 2);
});

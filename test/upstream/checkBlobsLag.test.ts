import { expect, it } from 'vitest';
import { headEach, lose, newImage, put } from '../support/commit.ts';
import { createClock } from '../support/context.ts';
import { createEdge } from '../support/edge.ts';
import { laggingKv } from '../support/laggingKv.ts';
import type { Pushed } from '../support/push.ts';
import { accessTo, createIssuer, verifying } from '../support/tokens.ts';

const LAG_MS = 60_000;

it('a KV that does not show an entry yet does not show it after a refusal either, to the isolate that refused', async () => {
  const clock = createClock(Date.now());
  const image = await newImage(1);
  const [lost] = image.blobs as [Pushed, Pushed];
  const issuer = await createIssuer();
  const edge = createEdge(verifying(issuer, { PUSH_EXISTENCE_TTL: '10s', MEMORY_TTL: '0' }), {
    clock,
    namespace: laggingKv(clock, LAG_MS, false),
  });
  const caller = { authorization: `Bearer ${await issuer.issue(accessTo(lost.name, ['pull', 'push']))}` };
  // Each is stored, but this place goes on seeing the miss.
  expect(await headEach(edge, image.blobs, caller)).toEqual([200, 200]);
  await lose(lost);
  clock.advance(11_000);
  expect((await put(edge, image.manifest, caller)).status).toBe(400);
  clock.advance(LAG_MS);
  expect(await headEach(edge, [lost], caller)).toEqual([404]);
});

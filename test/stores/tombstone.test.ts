import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { tombstoneDurations } from '../../src/stores/tombstone.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob } from '../support/push.ts';
import { NO_REDIS, REDIS, redis } from '../support/redisStore.ts';

/** How far the tombstone of a delete with an unknown outcome reaches. */
const CLEARED_SECONDS = 60;
const SHORT = { DESCRIPTOR_TTL: '10s', PUSH_EXISTENCE_TTL: '10s' };

it('the tombstone of a delete reaches past ORIGIN_TIMEOUT, and a minute after an unknown outcome', () => {
  expect(tombstoneDurations(30_000)).toEqual({ inProgressMs: 35_000, unknownOutcomeMs: 60_000 });
});

describe('a tombstone lives for clearedForMs plus the retention', () => {
  it('on KV', async () => {
    const { path, name } = await pushBlob();
    await createEdge({ ...SHORT, BLOBDESCRIPTOR: 'kv' }).fetch(path, { method: 'DELETE' });
    const { keys } = await env.DESCRIPTORS.list({ prefix: `cleared::blobs::${name}::` });
    expect(keys[0]?.expiration ?? 0).toBeGreaterThan(Date.now() / 1000 + CLEARED_SECONDS + 5);
  });

  it.skipIf(NO_REDIS)('on Redis, and no later write shortens its life', async () => {
    const { path, name, digest } = await pushBlob();
    const edge = createEdge({ ...SHORT, ...REDIS });
    const key = `repository::${name}::blobs::${digest}`;
    await edge.fetch(path, { method: 'DELETE' });
    expect(await redis.ttl(key)).toBeGreaterThan(CLEARED_SECONDS + 5);
    await pushBlob(undefined, name);
    await edge.fetch(path, { method: 'HEAD' });
    expect(await redis.ttl(key)).toBeGreaterThan(CLEARED_SECONDS + 5);
  });
});

import { env } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { type Pushed, pushBlob } from '../../support/push.ts';
import { manifestRequest, pushManifest } from '../../support/pushManifest.ts';
import { NO_REDIS, REDIS, redis } from '../../support/redisStore.ts';
import { SHARED_STORES, type SharedStore, storeNamed } from '../../support/stores.ts';
import { keysOfBlob, kvTroubles, poisonTroubles, type Trouble, typeTroubles } from '../../support/storeTroubles.ts';

const HEAD = { method: 'HEAD' };
const isBadRecord = ({ spoil }: Trouble) => spoil !== undefined;
/** A time far in the future is readable, and so no fault: the entry is only never fresh. */
const isFault = ({ name }: Trouble) => !name.includes('9007199254740991');

const BAD_RECORDS: Record<SharedStore['like'], Trouble[]> = {
  kv: kvTroubles().filter(isBadRecord),
  // Nobody else writes to an object.
  durable: [],
  redis: [...typeTroubles(), ...poisonTroubles()].filter(isFault),
};

/** Proves the caller's access by another blob of the repository. */
async function proveAccess(edge: Edge, name: string): Promise<void> {
  await edge.fetch((await pushBlob(undefined, name)).path, HEAD);
}
const statusOf = async (edge: Edge, path: string) => cacheStatusOf(await edge.fetch(path, HEAD));

describe.each(SHARED_STORES.filter(({ like }) => BAD_RECORDS[like].length > 0))(
  'a bad record in $name',
  ({ like, variables }) => {
    const troubles = BAD_RECORDS[like];

    async function spoil(trouble: Trouble): Promise<{ edge: Edge; blob: Pushed }> {
      const blob = await pushBlob();
      const edge = createEdge(variables);
      await edge.fetch(blob.path, HEAD);
      await trouble.spoil?.(keysOfBlob(blob), blob);
      return { edge, blob };
    }

    it.each(troubles)('is overwritten after the origin’s 200: $name', async (trouble) => {
      const { edge, blob } = await spoil(trouble);
      expect(await statusOf(edge, blob.path)).toBe('registry-edge; fwd=bypass; stored; detail=fault');
      expect(await statusOf(edge, blob.path)).toContain('registry-edge; hit');
    });

    it.each(troubles)('is overwritten after the origin’s 200 to a stranger: $name', async (trouble) => {
      const { blob } = await spoil(trouble);
      const stranger = createEdge(variables);
      expect(await statusOf(stranger, blob.path)).toContain('unproven');
      expect(await statusOf(stranger, blob.path)).toContain('registry-edge; hit');
    });

    it.each(troubles)('is cleared after the origin’s 404: $name', async (trouble) => {
      const { edge, blob } = await spoil(trouble);
      await fetch(`${inject('originUrl')}${blob.path}`, { method: 'DELETE' });
      expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
      expect(await statusOf(edge, blob.path)).toBe('registry-edge; fwd=miss');
    });

    // Other digests share the set of members.
    const ofOneDigest = troubles.filter(({ name }) => !name.endsWith('members'));
    it.each(ofOneDigest)('does not pause reads of other keys, however often it is read: $name', async (trouble) => {
      const { edge, blob } = await spoil(trouble);
      const other = await pushBlob(undefined, blob.name);
      await edge.fetch(other.path, HEAD);
      // Each request repairs the record, so it is spoiled again.
      for (let n = 0; n < 8; n++) {
        await edge.fetch(blob.path, HEAD);
        await trouble.spoil?.(keysOfBlob(blob), blob);
      }
      expect(edge.log.filter((line) => line.includes('the store keeps failing: reads of it are paused'))).toEqual([]);
      expect(await statusOf(edge, other.path)).toContain('registry-edge; hit');
    });
  },
);

describe.skipIf(NO_REDIS)('a bad record of a tag', () => {
  const MIRROR = { ...REDIS, CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', MEMORY_TTL: '0' };
  const pointerOf = (digest: string, at: number) => `${digest} ${at}`;

  it.each<[string, (key: string, field: string, digest: string) => Promise<unknown>]>([
    ['a pointer without a time', (key, field, digest) => redis.hset(key, { [field]: digest })],
    ['a pointer to nothing', (key, field) => redis.hset(key, { [field]: pointerOf('sha256:short', 1) })],
    ['an empty pointer', (key, field) => redis.hset(key, { [field]: '' })],
    ['a drop without a time', (key) => redis.hset(key, { cleared: 'never' })],
    ['a drop in the far future', (key) => redis.hset(key, { cleared: '9999999999999999' })],
    ['a key of another type', (key) => redis.set(key, 'text')],
  ])('is overwritten after the origin’s 200, and cleared after its 404: %s', async (_what, spoil) => {
    const manifest = await pushManifest();
    const edge = createEdge(MIRROR);
    const key = `registry-edge::tags::${manifest.name}::latest`;
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    const [field = ''] = (await redis.hkeys(key)).filter((name) => name !== 'cleared');
    const countRequests = async () => (await manifest.questions()).length;
    for (let n = 0; n < 6; n++) {
      await spoil(key, field, manifest.digest);
      await edge.fetch(manifest.tagPath, manifestRequest('GET'));
      const before = await countRequests();
      expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(200);
      expect(await countRequests()).toBe(before);
      edge.clock.advance(1_000);
    }
    await spoil(key, field, manifest.digest);
    await fetch(`${inject('originUrl')}${manifest.tagPath}`, { method: 'DELETE' });
    for (const status of ['detail=fault', 'fwd=miss']) {
      const response = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
      expect([response.status, cacheStatusOf(response)]).toEqual([404, expect.stringContaining(status)]);
    }
  });

  it('is overwritten also where it is that of the manifest', async () => {
    const manifest = await pushManifest();
    const edge = createEdge(MIRROR);
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    await redis.hset(`manifests::${manifest.digest}`, { size: 'large' });
    await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect(cacheStatusOf(await edge.fetch(manifest.tagPath, manifestRequest('GET')))).toContain('registry-edge; hit');
  });
});

describe.skipIf(NO_REDIS)('a bad record in a database that is shared with a registry', () => {
  const SHARED = { ...REDIS, REDIS_SHARED: 'true', ADMIN_TOKEN };
  const writeAsRegistry = async (blob: Pushed, size: number | string) => {
    const { members, global, scoped } = keysOfBlob(blob);
    await redis.sadd(members, blob.digest);
    await redis.hset(global, { digest: blob.digest, size, mediatype: 'application/octet-stream' });
    await redis.hset(scoped, { mediatype: 'application/octet-stream' });
  };

  it('is cleared as the registry would, and the registry’s next record counts', async () => {
    const blob = await pushBlob();
    const edge = createEdge(SHARED);
    await proveAccess(edge, blob.name);
    await writeAsRegistry(blob, 'large');
    expect(await statusOf(edge, blob.path)).toContain('detail=fault');
    expect(await redis.exists(keysOfBlob(blob).scoped)).toBe(0);
    await writeAsRegistry(blob, blob.bytes.length);
    expect(await statusOf(edge, blob.path)).toContain('registry-edge; hit');
  });

  it.each(['members', 'global'] as const)('is left alone where the key has another type: %s', async (which) => {
    const blob = await pushBlob();
    const edge = createEdge(SHARED);
    await proveAccess(edge, blob.name);
    const key = which === 'members' ? `${keysOfBlob(blob).members}` : keysOfBlob(blob).global;
    await redis.set(key, 'the registry’s');
    for (let n = 0; n < 6; n++) expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    expect(await redis.get(key)).toBe('the registry’s');
    expect(edge.log.filter((line) => line.includes('the store keeps failing: reads of it are paused'))).toEqual([]);
  });

  it('does not prevent an operator from clearing the digest', async () => {
    const blob = await pushBlob();
    await writeAsRegistry(blob, 'large');
    const path = `/_edge/descriptors/${blob.digest}`;
    const response = await createEdge(SHARED).fetch(path, { method: 'DELETE', headers: OPERATOR });
    expect([response.status, await response.json()]).toEqual([200, expect.objectContaining({ blobs: null })]);
    expect(await redis.hexists(keysOfBlob(blob).global, 'size')).toBe(0);
  });
});

it('a bad record in kv is removed after the origin’s 404, and not only covered by a tombstone', async () => {
  const blob = await pushBlob();
  const edge = createEdge(storeNamed('kv').variables);
  await proveAccess(edge, blob.name);
  const key = `blobs::${blob.name}::${blob.digest}`;
  await env.DESCRIPTORS.put(key, '{"digest":"D","size":"9"}');
  await fetch(`${inject('originUrl')}${blob.path}`, { method: 'DELETE' });
  await edge.fetch(blob.path, HEAD);
  expect(await env.DESCRIPTORS.get(key)).toBeNull();
});

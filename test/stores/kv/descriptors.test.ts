import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/oci/descriptor.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import type { DescriptorNamespace } from '../../../src/stores/kv/namespace.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { openKv } from '../../support/stores.ts';

const HOUR_MS = 3_600_000;
const create = (namespace: DescriptorNamespace = env.DESCRIPTORS) => openKv({}, namespace).descriptors;

describe('createKvDescriptors', () => {
  const setup = () => {
    const name = parseRepositoryName(uniqueName());
    const digest = uniqueDigest();
    return { ctx: contextOf(createClock(Date.now())), key: `blobs::${name}::${digest}`, name, digest };
  };

  it('reads entry and tombstone in one bulk get', async () => {
    const { ctx, name, digest, key } = setup();
    const gets: unknown[] = [];
    const counting = {
      get: (keys: string[], options: { type: 'text'; cacheTtl: number }) => {
        gets.push(keys);
        return env.DESCRIPTORS.get(keys, options);
      },
    } as unknown as DescriptorNamespace;
    await create(counting).repositoryScoped(name, 'blobs').stat(ctx, digest);
    expect(gets).toEqual([[key, `cleared::${key}`]]);
  });

  it('lets every key expire', async () => {
    const { ctx, name, digest, key } = setup();
    const scoped = create().repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await scoped.clear(ctx, digest);
    const { keys } = await env.DESCRIPTORS.list({ prefix: key });
    const { keys: tombstones } = await env.DESCRIPTORS.list({ prefix: `cleared::${key}` });
    for (const { expiration = 0 } of [...keys, ...tombstones]) {
      expect(expiration * 1000).toBeGreaterThan(Date.now() + HOUR_MS - 60_000);
      expect(expiration * 1000).toBeLessThan(Date.now() + HOUR_MS + 60_000);
    }
    expect(keys.length + tombstones.length).toBe(2);
  });

  it.each([
    'not json',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"digest":"DIGEST","size":"12","mediaType":"a/b","verifiedAt":1}',
    '{"digest":"DIGEST","size":1.5,"mediaType":"a/b","verifiedAt":1}',
    '{"digest":"DIGEST","size":-1,"mediaType":"a/b","verifiedAt":1}',
    '{"digest":"DIGEST","size":1,"mediaType":"a/b\\r\\nevil: 1","verifiedAt":1}',
    '{"digest":"DIGEST","size":1,"mediaType":"","verifiedAt":1}',
    '{"digest":"DIGEST","size":1,"verifiedAt":1}',
    '{"digest":"DIGEST","size":1,"mediaType":"a/b","verifiedAt":"soon"}',
    '{"digest":"DIGEST","size":1,"mediaType":"a/b"}',
    `{"digest":"sha256:${'0'.repeat(64)}","size":1,"mediaType":"a/b","verifiedAt":1}`,
  ])('reports a malformed entry as a fault: %s', async (value) => {
    const { ctx, name, digest, key } = setup();
    await env.DESCRIPTORS.put(key, value.replace('DIGEST', digest));
    await expect(create().repositoryScoped(name, 'blobs').stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  it('reports a malformed tombstone as a fault', async () => {
    const { ctx, name, digest, key } = setup();
    await env.DESCRIPTORS.put(`cleared::${key}`, 'yesterday');
    await expect(create().repositoryScoped(name, 'blobs').stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  it('reports a namespace that does not answer as a fault', async () => {
    const { ctx, name, digest } = setup();
    const silent = { get: () => new Promise(() => {}) } as unknown as DescriptorNamespace;
    await expect(create(silent).repositoryScoped(name, 'blobs').stat(ctx, digest)).rejects.toBeInstanceOf(CacheFault);
  });

  it('hides what was confirmed before an eviction and shows up later, from the isolate that evicted it', async () => {
    const shown = new Map<string, string | null>();
    const get = async (keys: string[]) => new Map(keys.map((key) => [key, shown.get(key) ?? null]));
    const { ctx, name, digest, key } = setup();
    const scoped = create({ get } as unknown as DescriptorNamespace).repositoryScoped(name, 'blobs');
    const show = ({ descriptor, verifiedAt }: Entry) => shown.set(key, JSON.stringify({ ...descriptor, verifiedAt }));
    // An earlier eviction does not shorten what a later one hides.
    for (const sentAtMs of [ctx.now(), ctx.now() - 1_000]) await scoped.evict(ctx, [digest], sentAtMs);
    show(entryFor(digest, ctx.now() - 1));
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    // It may have been confirmed later in the same millisecond.
    show(entryFor(digest, ctx.now()));
    expect(await scoped.stat(ctx, digest)).toBeDefined();
  });

  it.each(['not json', '{"digest":"DIGEST","size":-1,"mediaType":"a/b","verifiedAt":1}'])(
    'removes a malformed entry in an eviction or a clear, unless it is replaced right after: %s',
    async (value) => {
      const { ctx, name, digest, key } = setup();
      const scoped = create().repositoryScoped(name, 'blobs');
      const malformed = value.replace('DIGEST', digest);
      await env.DESCRIPTORS.put(key, malformed);
      await scoped.evict(ctx, [digest], ctx.now(), true);
      expect(await env.DESCRIPTORS.get(key)).toBe(malformed);
      for (const verb of ['evict', 'clearEach'] as const) {
        await env.DESCRIPTORS.put(key, malformed);
        await scoped[verb](ctx, [digest], ctx.now());
        expect(await env.DESCRIPTORS.get(key)).toBeNull();
      }
    },
  );

  it('lists the keys of a repository by its prefix, page by page, and skips those of no digest', async () => {
    const { ctx, name, digest, key } = setup();
    const lists: unknown[] = [];
    const listing = {
      get: (keys: string[], options: 'text') => env.DESCRIPTORS.get(keys, options),
      put: (...call: Parameters<KVNamespace['put']>) => env.DESCRIPTORS.put(...call),
      list(options: KVNamespaceListOptions) {
        lists.push(options);
        return env.DESCRIPTORS.list(options);
      },
    } as unknown as DescriptorNamespace;
    const scoped = create(listing).repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await env.DESCRIPTORS.put(`${key}x`, 'of no digest');
    expect((await scoped.purge(ctx)).removed).toEqual(new Set([digest]));
    expect(lists).toEqual([{ prefix: `blobs::${name}::`, limit: 50 }]);
  });
});

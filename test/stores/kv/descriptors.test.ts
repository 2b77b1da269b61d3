import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
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
});

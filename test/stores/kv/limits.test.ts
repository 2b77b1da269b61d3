import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createProvider } from '../../../src/cache/descriptors.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { createKvDescriptors } from '../../../src/stores/kv/descriptors.ts';
import type { DescriptorNamespace } from '../../../src/stores/kv/namespace.ts';
import { CLOCK_SKEW_MS } from '../../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, someDigest, someName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { pushBlob } from '../../support/push.ts';
import { keysOfBlob, kvTroubles } from '../../support/storeTroubles.ts';

const HOUR_MS = 3_600_000;

/** The simulated KV with some of its methods in other hands. */
function namespaceWith(changes: Record<string, unknown>): DescriptorNamespace {
  return {
    get: (...call: unknown[]) => Reflect.apply(env.DESCRIPTORS.get, env.DESCRIPTORS, call),
    put: (...call: unknown[]) => Reflect.apply(env.DESCRIPTORS.put, env.DESCRIPTORS, call),
    ...changes,
  } as unknown as DescriptorNamespace;
}

function setup(changes: Record<string, unknown> = {}, retentionMs = HOUR_MS) {
  const name = parseRepositoryName(someName());
  const digest = someDigest();
  const provider = createProvider(createKvDescriptors(namespaceWith(changes), { retentionMs, isOpen: false }));
  const key = `blobs::${name}::${digest}`;
  return { ctx: contextOf(createClock(Date.now())), digest, key, scoped: provider.repositoryScoped(name, 'blobs') };
}

describe('createKvDescriptors: a put', () => {
  it('that never ends is a fault of setDescriptor and of clear', async () => {
    const { ctx, digest, scoped } = setup({ put: () => new Promise(() => {}) });
    const verbs = [scoped.setDescriptor(ctx, digest, entryFor(digest, 1)), scoped.clear(ctx, digest)];
    for (const ended of await Promise.allSettled(verbs)) {
      expect(ended).toMatchObject({ status: 'rejected', reason: { name: 'CacheFault' } });
    }
  });

  it.each([
    ['the retention and what two clocks may differ', HOUR_MS, 3_605],
    ['the least that KV takes', 10_000, 60],
    ['whole seconds, rounded up', 100_001, 106],
  ])('lasts for %s', async (_what, retentionMs, expirationTtl) => {
    const lives: unknown[] = [];
    const { ctx, digest, scoped } = setup(
      { put: async (_key: string, _value: string, life: unknown) => void lives.push(life) },
      retentionMs,
    );
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await scoped.clear(ctx, digest);
    expect(lives).toEqual([{ expirationTtl }, { expirationTtl }]);
  });

  const refused = { put: () => Promise.reject(new Error('KV PUT failed: 429 Too Many Requests')) };
  it.each([
    ['as far', CLOCK_SKEW_MS, undefined, true],
    ['further', 60_000, undefined, true],
    ['less far', CLOCK_SKEW_MS - 1, undefined, false],
    ['into the past', -1, undefined, false],
    ['as far as was asked', 60_000, 60_000, true],
    ['less far than was asked', 35_000, 60_000, false],
  ])(
    'of a tombstone may be refused where one stands that reaches %s: %i ms',
    async (_what, standsMs, clearedForMs, isFine) => {
      const { ctx, digest, key, scoped } = setup(refused);
      await env.DESCRIPTORS.put(`cleared::${key}`, String(ctx.now() + standsMs));
      if (isFine) await expect(scoped.clear(ctx, digest, clearedForMs)).resolves.toBeUndefined();
      else await expect(scoped.clear(ctx, digest, clearedForMs)).rejects.toBeInstanceOf(CacheFault);
    },
  );

  it('of a tombstone may not be refused where none stands, or where nobody can tell', async () => {
    const none = setup(refused);
    await expect(none.scoped.clear(none.ctx, none.digest)).rejects.toBeInstanceOf(CacheFault);
    const blind = setup({ ...refused, get: () => Promise.reject(new Error('KV GET failed: 500')) });
    await expect(blind.scoped.clear(blind.ctx, blind.digest)).rejects.toBeInstanceOf(CacheFault);
  });
});

describe('createKvDescriptors: tombstones, of which the farther stands', () => {
  it('costs no write where one reaches as far already', async () => {
    const puts: string[] = [];
    const put = (...call: Parameters<KVNamespace['put']>) => {
      puts.push(call[0]);
      return env.DESCRIPTORS.put(...call);
    };
    const { ctx, digest, key, scoped } = setup({ put });
    await scoped.markDeleting(ctx, digest, 35_000);
    for (const verb of ['clear', 'markDeleting'] as const) await scoped[verb](ctx, digest);
    expect(puts).toEqual([`cleared::${key}`]);
    await scoped.clear(ctx, digest, 35_001);
    expect(puts).toHaveLength(2);
  });

  it('remembers what this isolate wrote, which KV may not show yet', async () => {
    const written: string[] = [];
    const get = async (keys: string[]) => new Map(keys.map((key) => [key, null]));
    const put = async (_key: string, value: string) => void written.push(value);
    const { ctx, digest, scoped } = setup({ get, put });
    await scoped.markDeleting(ctx, digest, 60_000);
    await scoped.clear(ctx, digest);
    expect(written).toEqual([String(ctx.now() + 60_000)]);
    // One that was refused was not written, and is tried again.
    const refusing = setup({ get, put: () => Promise.reject(new Error('KV PUT failed: 429 Too Many Requests')) });
    for (let n = 0; n < 2; n++) await expect(refusing.scoped.markDeleting(refusing.ctx, digest)).rejects.toThrow();
  });

  it('keeps apart what was written of many digests', { timeout: 30_000 }, async () => {
    const { ctx, scoped } = setup();
    for (let n = 0; n < 21; n++) {
      await Promise.all(Array.from({ length: 50 }, () => scoped.markDeleting(ctx, someDigest(), 60_000)));
    }
    const late = someDigest();
    await scoped.clear(ctx, late);
    await scoped.setDescriptor(ctx, late, entryFor(late, ctx.now()));
    expect(await scoped.stat(ctx, late)).toBeUndefined();
  });
});

/** KV as it is: it refuses a change of a key that was changed less than a second ago. */
function oneChangeASecond(): DescriptorNamespace {
  const changedAt = new Map<string, number>();
  const once =
    (verb: 'put' | 'delete') =>
    async (...call: [key: string, ...more: unknown[]]) => {
      const [key] = call;
      if (Date.now() - (changedAt.get(key) ?? 0) < 1_000) throw new Error(`KV ${verb} failed: 429 Too Many Requests`);
      changedAt.set(key, Date.now());
      return Reflect.apply(env.DESCRIPTORS[verb], env.DESCRIPTORS, call);
    };
  return namespaceWith({ put: once('put'), delete: once('delete') });
}

describe('one change a second for a key', () => {
  it.each(kvTroubles().filter(({ spoil }) => spoil))(
    'is enough to write over what cannot be read: $name',
    async ({ spoil }) => {
      const blob = await pushBlob();
      const head = async (edge: Edge) => cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD' }));
      // As another isolate wrote it, some time ago.
      const variables = { CACHE_TIMEOUT: '10s' };
      const before = createEdge(variables);
      await head(before);
      await spoil?.(keysOfBlob(blob), blob);
      const edge = createEdge(variables, { namespace: oneChangeASecond() });
      await head(edge);
      expect(await head(edge)).toContain('registry-edge; hit');
      expect(edge.log.join()).not.toContain('failed');
    },
  );
});

describe('createKvDescriptors: a get', () => {
  it('lets a place repeat what it read for 30 s and no longer, whatever it reads', async () => {
    const options: unknown[] = [];
    const { ctx, digest, scoped } = setup({
      get: async (keys: string[], how: unknown) => {
        options.push(how);
        return new Map(keys.map((key) => [key, null]));
      },
      put: () => Promise.reject(new Error('KV PUT failed: 429 Too Many Requests')),
    });
    await scoped.stat(ctx, digest);
    await scoped.clear(ctx, digest).catch(() => undefined);
    expect(options).toEqual([
      { type: 'text', cacheTtl: 30 },
      { type: 'text', cacheTtl: 30 },
    ]);
  });
});

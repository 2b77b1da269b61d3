import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import type { DescriptorNamespace } from '../../../src/stores/kv/namespace.ts';
import { CLOCK_SKEW_MS } from '../../../src/stores/tombstone.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { pushBlob } from '../../support/push.ts';
import { openKv } from '../../support/stores.ts';
import { keysOfBlob, kvTroubles } from '../../support/storeTroubles.ts';

const HOUR_MS = 3_600_000;

/** The simulated KV with some of its methods replaced. */
function namespaceWith(changes: Record<string, unknown>): DescriptorNamespace {
  return {
    get: (...call: unknown[]) => Reflect.apply(env.DESCRIPTORS.get, env.DESCRIPTORS, call),
    put: (...call: unknown[]) => Reflect.apply(env.DESCRIPTORS.put, env.DESCRIPTORS, call),
    ...changes,
  } as unknown as DescriptorNamespace;
}

function setup(changes: Record<string, unknown> = {}, retentionMs = HOUR_MS) {
  const name = parseRepositoryName(uniqueName());
  const digest = uniqueDigest();
  const provider = openKv({ retentionMs }, namespaceWith(changes)).descriptors;
  const key = `blobs::${name}::${digest}`;
  const scoped = provider.repositoryScoped(name, 'blobs');
  return { ctx: contextOf(createClock(Date.now())), name, digest, key, scoped };
}

describe('createKvDescriptors: a put', () => {
  it('that never settles is a fault of setDescriptor and of clear', async () => {
    const { ctx, digest, scoped } = setup({ put: () => new Promise(() => {}) });
    const verbs = [scoped.setDescriptor(ctx, digest, entryFor(digest, 1)), scoped.clear(ctx, digest)];
    for (const ended of await Promise.allSettled(verbs)) {
      expect(ended).toMatchObject({ status: 'rejected', reason: { name: 'CacheFault' } });
    }
  });

  it.each([
    ['the retention plus CLOCK_SKEW_MS', HOUR_MS, 3_605],
    ['the least time that KV allows', 10_000, 60],
    ['whole seconds, rounded up', 100_001, 106],
  ])('sets an expiration of %s', async (_what, retentionMs, expirationTtl) => {
    const lives: unknown[] = [];
    const { ctx, digest, scoped } = setup(
      { put: async (_key: string, _value: string, life: unknown) => void lives.push(life) },
      retentionMs,
    );
    await scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()));
    await scoped.clear(ctx, digest);
    expect(lives).toEqual([{ expirationTtl }, { expirationTtl }]);
  });

  const refusing = { put: () => Promise.reject(new Error('KV PUT failed: 429 Too Many Requests')) };
  it.each([
    ['as far as the new one', CLOCK_SKEW_MS, undefined, true],
    ['farther', 60_000, undefined, true],
    ['less far', CLOCK_SKEW_MS - 1, undefined, false],
    ['into the past', -1, undefined, false],
    ['as far as clearedForMs', 60_000, 60_000, true],
    ['less far than clearedForMs', 35_000, 60_000, false],
  ])(
    'of a tombstone is needed only if the current one reaches less far; it reaches %s: %i ms',
    async (_what, currentMs, clearedForMs, isEnough) => {
      const { ctx, digest, key, scoped } = setup(refusing);
      await env.DESCRIPTORS.put(`cleared::${key}`, String(ctx.now() + currentMs));
      if (isEnough) await expect(scoped.clear(ctx, digest, clearedForMs)).resolves.toBeUndefined();
      else await expect(scoped.clear(ctx, digest, clearedForMs)).rejects.toBeInstanceOf(CacheFault);
    },
  );

  it('of a tombstone that is refused is a fault if there is none, or if it cannot be read', async () => {
    const none = setup(refusing);
    await expect(none.scoped.clear(none.ctx, none.digest)).rejects.toBeInstanceOf(CacheFault);
    const unreadable = setup({ ...refusing, get: () => Promise.reject(new Error('KV GET failed: 500')) });
    await expect(unreadable.scoped.clear(unreadable.ctx, unreadable.digest)).rejects.toBeInstanceOf(CacheFault);
  });
});

describe('createKvDescriptors: a tombstone', () => {
  it('costs no write if the current one reaches as far', async () => {
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

  it('is remembered by the isolate that wrote it, since KV may not show it yet', async () => {
    const written: string[] = [];
    const get = async (keys: string[]) => new Map(keys.map((key) => [key, null]));
    const put = async (_key: string, value: string) => void written.push(value);
    const { ctx, digest, scoped } = setup({ get, put });
    await scoped.markDeleting(ctx, digest, 60_000);
    await scoped.clear(ctx, digest);
    expect(written).toEqual([String(ctx.now() + 60_000)]);
    // A refused tombstone was not written, and so the next call tries again.
    const refusing = setup({ get, put: () => Promise.reject(new Error('KV PUT failed: 429 Too Many Requests')) });
    for (let n = 0; n < 2; n++) await expect(refusing.scoped.markDeleting(refusing.ctx, digest)).rejects.toThrow();
  });

  it('hides the entry from the isolate that wrote it, even while KV still shows the state before', async () => {
    const shown = new Map<string, string | null>();
    const get = async (keys: string[]) => new Map(keys.map((key) => [key, shown.get(key) ?? null]));
    const { ctx, name, digest, key, scoped } = setup({ get });
    const { verifiedAt, descriptor } = entryFor(digest, ctx.now() - 1_000);
    shown.set(key, JSON.stringify({ ...descriptor, verifiedAt }));
    await scoped.evict(ctx, [digest], ctx.now());
    expect(await scoped.stat(ctx, digest)).toBeUndefined();
    expect((await scoped.statEach(ctx, [digest])).get(digest)).toMatchObject({ clearedUntil: ctx.now() });
    // Another isolate sees what KV shows.
    const elsewhere = openKv({}, namespaceWith({ get })).descriptors.repositoryScoped(name, 'blobs');
    expect(await elsewhere.stat(ctx, digest)).toBeDefined();
  });

  it('is remembered per digest, also if there are many', { timeout: 30_000 }, async () => {
    const { ctx, scoped } = setup();
    for (let n = 0; n < 21; n++) {
      await Promise.all(Array.from({ length: 50 }, () => scoped.markDeleting(ctx, uniqueDigest(), 60_000)));
    }
    const late = uniqueDigest();
    await scoped.clear(ctx, late);
    await scoped.setDescriptor(ctx, late, entryFor(late, ctx.now()));
    expect(await scoped.stat(ctx, late)).toBeUndefined();
  });
});

/** A namespace that rejects a write to a key less than a second after the last one, as KV does. */
function oneWriteASecond(): DescriptorNamespace {
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

describe('one write a second for a key', () => {
  it.each(kvTroubles().filter(({ spoil }) => spoil))(
    'is enough to overwrite a malformed value: $name',
    async ({ spoil }) => {
      const blob = await pushBlob();
      const head = async (edge: Edge) => cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD' }));
      // Another isolate wrote the entry some time ago.
      const variables = { CACHE_TIMEOUT: '10s' };
      const before = createEdge(variables);
      await head(before);
      await spoil?.(keysOfBlob(blob), blob);
      const edge = createEdge(variables, { namespace: oneWriteASecond() });
      await head(edge);
      expect(await head(edge)).toContain('registry-edge; hit');
      expect(edge.log.join()).not.toContain('failed');
    },
  );
});

describe('createKvDescriptors: a get', () => {
  it('asks for the shortest cacheTtl, 30 s, whatever it reads', async () => {
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

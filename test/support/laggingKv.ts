import { env } from 'cloudflare:workers';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import type { Clock } from './context.ts';

/**
 * The KV namespace of the tests as another place sees it: after a read, including a miss, the same result is returned
 * for `lagMs`, whatever is written elsewhere. The simulated KV has no lag; this one follows Cloudflare's documentation.
 * @param showsOwn whether a place sees at once what it wrote itself, which KV does not guarantee
 */
export function laggingKv(clock: Clock, lagMs: number, showsOwn = true): DescriptorNamespace {
  const kv = env.DESCRIPTORS;
  const cached = new Map<string, { readonly text: string | null; readonly until: number }>();

  async function read(keys: string[], options: unknown): Promise<Map<string, string | null>> {
    const expired = keys.filter((key) => (cached.get(key)?.until ?? 0) <= clock.now());
    if (expired.length > 0) {
      const texts = (await kv.get(expired, options as 'text')) as Map<string, string | null>;
      for (const key of expired) cached.set(key, { text: texts.get(key) ?? null, until: clock.now() + lagMs });
    }
    return new Map(keys.map((key) => [key, cached.get(key)?.text ?? null]));
  }

  return {
    get: read as unknown as DescriptorNamespace['get'],
    getWithMetadata: kv.getWithMetadata.bind(kv),
    async put(key: string, ...rest: [string, object?]) {
      await kv.put(key, ...rest);
      if (showsOwn) cached.delete(key);
    },
    delete: kv.delete.bind(kv),
    list: kv.list.bind(kv),
  } as DescriptorNamespace;
}

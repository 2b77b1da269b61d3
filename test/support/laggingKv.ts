import { env } from 'cloudflare:workers';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import type { Clock } from './context.ts';

/**
 * The KV namespace of the tests as another place shows it: what was read here, a miss too, is read again for as long, whatever
 * is written elsewhere. Nothing here shows Cloudflare's own lag; this is the one that its documents tell of.
 */
export function laggingKv(clock: Clock, lagMs: number): DescriptorNamespace {
  const kv = env.DESCRIPTORS;
  const seen = new Map<string, { readonly text: string | null; readonly until: number }>();

  async function read(keys: string[], options: unknown): Promise<Map<string, string | null>> {
    const unseen = keys.filter((key) => (seen.get(key)?.until ?? 0) <= clock.now());
    if (unseen.length > 0) {
      const shown = (await kv.get(unseen, options as 'text')) as Map<string, string | null>;
      for (const key of unseen) seen.set(key, { text: shown.get(key) ?? null, until: clock.now() + lagMs });
    }
    return new Map(keys.map((key) => [key, seen.get(key)?.text ?? null]));
  }

  return {
    get: read as unknown as DescriptorNamespace['get'],
    getWithMetadata: kv.getWithMetadata.bind(kv),
    async put(key: string, ...rest: [string, object?]) {
      await kv.put(key, ...rest);
      seen.delete(key);
    },
    delete: kv.delete.bind(kv),
    list: kv.list.bind(kv),
  } as DescriptorNamespace;
}

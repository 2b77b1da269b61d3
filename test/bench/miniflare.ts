import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { compatibility, miniflareModules } from '../../local/edge.ts';
import { atEnd } from '../e2e/support/cleanup.ts';

/** The part of a simulated KV namespace that is used from outside of the Worker. */
export interface Namespace {
  list(): Promise<{ readonly keys: readonly { readonly name: string }[] }>;
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
}

/** A Worker on miniflare. */
export interface WorkerScript {
  readonly script: string;
  /** Its `env`, in addition to `DESCRIPTORS`, `BLOBS` and `REPOSITORIES`. */
  readonly bindings: Readonly<Record<string, unknown>>;
  /** Whether the first one exports the class of the Durable Objects; by default it does. */
  readonly hasObjects?: boolean;
}

export interface ServedWithStores {
  /** The URL of each Worker, in their order. */
  readonly urls: readonly string[];
  readonly descriptors: Namespace;
}

const objectsOf = (scriptName: string) => ({
  REPOSITORIES: { className: 'RepositoryObject', useSQLite: true, scriptName },
});

/**
 * Runs Workers on miniflare, which simulates KV, R2 and Durable Objects, each on a socket of its own as `npm start` does.
 * They share the KV namespace, the bucket, and the Durable Objects, whose class the first one exports.
 */
export async function serveOnMiniflare(...scripts: readonly WorkerScript[]): Promise<ServedWithStores> {
  const settings = await compatibility();
  const nameOf = (at: number) => `worker-${at}`;
  const modules = await Promise.all(scripts.map(({ script }) => miniflareModules(script)));
  const workers = scripts.map(({ bindings }, at) => ({
    name: nameOf(at),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    ...(modules[at] as (typeof modules)[number]),
    ...settings,
    bindings: bindings as Record<string, string>,
    kvNamespaces: { DESCRIPTORS: 'descriptors' },
    r2Buckets: { BLOBS: 'blobs' },
    ...(scripts[0]?.hasObjects !== false && { durableObjects: objectsOf(nameOf(0)) }),
  }));
  const miniflare = new Miniflare(convertV4MiniflareOptions({ workers, cf: false }));
  atEnd(() => miniflare.dispose());
  await miniflare.ready;
  const urls = await Promise.all(scripts.map((_script, at) => miniflare.unsafeGetDirectURL(nameOf(at))));
  return {
    urls: urls.map(({ origin }) => origin),
    descriptors: await miniflare.getKVNamespace('DESCRIPTORS', nameOf(0)),
  };
}

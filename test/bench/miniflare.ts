import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { compatibility } from '../../local/edge.ts';
import { atEnd } from '../e2e/support/cleanup.ts';

/** The part of a simulated KV namespace that is used from outside of the Worker. */
export interface Namespace {
  list(): Promise<{ readonly keys: readonly { readonly name: string }[] }>;
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
}

type Bindings = Record<string, string | string[] | Record<string, string>>;

export interface ServedWithKv {
  readonly url: string;
  readonly descriptors: Namespace;
}

/**
 * Runs a Worker on miniflare, which simulates KV, on a socket of its own as `npm start` does.
 * @param bindings the Worker's `env`, in addition to the namespace `DESCRIPTORS`
 */
export async function serveOnMiniflare(script: string, bindings: Bindings): Promise<ServedWithKv> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
      modules: true,
      scriptPath: script,
      ...(await compatibility()),
      bindings,
      kvNamespaces: { DESCRIPTORS: 'descriptors' },
      cf: false,
    }),
  );
  atEnd(() => miniflare.dispose());
  await miniflare.ready;
  const { origin } = await miniflare.unsafeGetDirectURL();
  return { url: origin, descriptors: await miniflare.getKVNamespace('DESCRIPTORS') };
}

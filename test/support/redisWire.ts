import { createProvider } from '../../src/cache/descriptors.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import type { BlobDescriptorService } from '../../src/stores/descriptors.ts';
import { createRedis } from '../../src/stores/redis/client.ts';
import { createRedisDescriptors } from '../../src/stores/redis/descriptors.ts';
import { contextOf, createClock } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';
import { createScriptedServer, type Script } from './scripted.ts';

export const HOUR_MS = 3_600_000;
export const ctx = contextOf(createClock(Date.now()));
export const digest = uniqueDigest();

/** Creates a Redis provider in front of a scripted server. */
export function facing(script: Script, token = 'token') {
  const server = createScriptedServer(script);
  const provider = createProvider(
    createRedisDescriptors(createRedis({ url: server.url, token }), {
      retentionMs: HOUR_MS,
      isOpen: false,
    }),
  );
  return { ...server, scoped: provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs') };
}

/** The verbs of a descriptor cache, called with one digest. */
export const VERBS: [string, (scoped: BlobDescriptorService) => Promise<unknown>][] = [
  ['stat', (scoped) => scoped.stat(ctx, digest)],
  ['setDescriptor', (scoped) => scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))],
  ['clear', (scoped) => scoped.clear(ctx, digest)],
];

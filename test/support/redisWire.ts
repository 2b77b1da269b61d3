import type { BlobDescriptorService } from '../../src/cache/provider.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from './context.ts';
import { entryFor, uniqueDigest, uniqueName } from './digests.ts';
import { createScriptedServer, type Script } from './scripted.ts';
import { openRedis } from './stores.ts';

export const ctx = contextOf(createClock(Date.now()));
export const digest = uniqueDigest();

/** Creates a Redis provider in front of a scripted server. */
export function facing(script: Script, token = 'token') {
  const server = createScriptedServer(script);
  const { descriptors: provider } = openRedis({}, { url: server.url, token });
  return { ...server, scoped: provider.repositoryScoped(parseRepositoryName(uniqueName()), 'blobs') };
}

/** The verbs of a descriptor cache, called with one digest. */
export const VERBS: [string, (scoped: BlobDescriptorService) => Promise<unknown>][] = [
  ['stat', (scoped) => scoped.stat(ctx, digest)],
  ['setDescriptor', (scoped) => scoped.setDescriptor(ctx, digest, entryFor(digest, ctx.now()))],
  ['clear', (scoped) => scoped.clear(ctx, digest)],
];

import type { RequestContext } from '../context.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Memory } from './memory.ts';

/**
 * The sizes of bodies that this isolate has hashed on their way into a repository's uploads. Content has one size
 * wherever it is, so the session does not matter; whether the repository has the content, only the origin says. They
 * are apart by repository all the same: the size that is stored after an upload shows that somebody sent such content.
 */
export interface HashedUploads {
  add(ctx: RequestContext, name: RepositoryName, content: Pick<Descriptor, 'digest' | 'size'>): void;
  /** Returns the size in bytes, if the content was hashed. */
  sizeOf(ctx: RequestContext, name: RepositoryName, digest: Digest): number | undefined;
}

/** The client ends an upload as soon as it has sent the bytes. */
const LIFE_MS = 300_000;
const SIZE_BYTES = 50;

export function createHashedUploads(memory: Memory): HashedUploads {
  const sizes = memory.part<{ readonly size: number }>('hashed');
  return {
    add: (ctx, name, { digest, size }) => sizes.set(`${name} ${digest}`, { size }, ctx.now() + LIFE_MS, SIZE_BYTES),
    sizeOf: (ctx, name, digest) => sizes.get(`${name} ${digest}`, ctx.now())?.size,
  };
}

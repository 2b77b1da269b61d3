import { isFresh } from '../cache/freshness.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import { askBlob } from './askBlob.ts';
import { hasBytes } from './blobBytes.ts';
import { digestIn, knownBlob } from './existence.ts';
import type { ContentKind } from './question.ts';
import type { Repository } from './repository.ts';
import type { Upstream } from './upstream.ts';

/**
 * Returns how the existence of a blob is asked for. In an archive (`KEEP_DELETED=keep`), a blob of which the edge has
 * the bytes exists for as long as they are answered.
 * @param kind how it is asked for elsewhere
 */
export function inArchive({ keepsDeleted, bytes }: Upstream, kind: ContentKind<Entry>): ContentKind<Entry> {
  if (!keepsDeleted || !bytes) return kind;
  return {
    ...kind,
    answersWhileFailing: true,
    standsIn: ({ ctx }, reference) => hasBytes(ctx, bytes, digestIn(reference)),
  };
}

/**
 * Finds out, after the reply, whether the repository has a blob with which an archive is being filled: an archive sends
 * bytes only where a descriptor says so, and not every answer to a GET is worth one. Redirects, parts, and answers with
 * a media type of their own are not.
 * @param stored settles when what the GET proved is in the store; `undefined`: it proved nothing
 */
export function confirmForArchive(repository: Repository, digest: Digest, stored: Promise<void> | undefined): void {
  const { ctx, upstream } = repository;
  if (!upstream.keepsDeleted) return;
  const confirm = async () => {
    await stored;
    const known = await knownBlob(repository, digest);
    if (known && isFresh(known, ctx.now(), repository.windowMs)) return;
    const blob = { digest, isManifest: false };
    await askBlob(repository, { blob, lookup: undefined, signal: undefined, inTurn: (work) => work() });
  };
  ctx.waitUntil(
    confirm().catch((error) => {
      if (!(error instanceof RegistryError)) throw error;
      ctx.log.info('a blob may not be kept: the origin did not say that it has it', { digest, error: error.code });
    }),
  );
}

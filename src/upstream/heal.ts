import type { Copy } from '../http/body/copies.ts';
import type { Digest } from '../oci/digest.ts';
import { digestOf } from '../oci/hash.ts';
import { digestsIn } from '../oci/manifest.ts';
import type { Reference } from '../oci/reference.ts';
import { evictSuspects } from './evictSuspects.ts';
import { probeReadAccess } from './probeAccess.ts';
import { blamesManifest, missingBlobs, readRefusal } from './refusal.ts';
import type { Repository } from './repository.ts';

/** A push that the origin refused. */
export interface RefusedPush {
  readonly reference: Reference;
  /** The origin's answer to the PUT. */
  readonly refusal: Response;
  /** The manifest. */
  readonly copy: Copy | undefined;
}

/**
 * Evicts what a refused manifest may have been refused for. The manifest may name content that the origin does not have
 * although the cache says so. All digests that the manifest and the refusal name are evicted before the refusal is
 * relayed, so that the client's next attempt finds out what is missing. Registries report this in many ways
 * (`MANIFEST_INVALID`, `BLOB_UPLOAD_UNKNOWN`, 412, 500, plain text): a wrong guess costs a question, a missed one
 * blocks the push.
 *
 * This is done only for a caller who may read in the repository, and only for digests that are stored: a stranger
 * removes nothing and causes no writes.
 * @returns the refusal, to be relayed
 */
export async function heal(repository: Repository, { reference, refusal, copy }: RefusedPush): Promise<Response> {
  const { ctx, upstream } = repository;
  if (!blamesManifest(refusal)) return refusal;
  const refusedAtMs = ctx.now();
  const { text, relayed } = await readRefusal(ctx, upstream, refusal);
  const manifest = await copy?.whole(upstream.cacheTimeoutMs);
  const inManifest = digestsIn(new TextDecoder().decode(manifest?.content));
  // The origin lacks what the refusal names: this is evicted first, and it cannot prove access.
  const inRefusal = digestsIn(text);
  // The manifest itself is suspect, too: if a client sees that it exists, it does not ask for the blobs (oras).
  const own = new Set<Digest>(reference.kind === 'digest' ? [reference.text] : []);
  if (manifest) own.add(await digestOf(manifest.content));
  const suspects = inRefusal.union(own).union(inManifest);
  if (suspects.size === 0) return relayed;

  const hasSearched = refusal.status === 400 && !missingBlobs(text).isDisjointFrom(inManifest);
  const evidence = { blobs: [...inManifest.difference(inRefusal)], reference, hasSearched };
  if (await probeReadAccess(repository, evidence)) {
    const evicted = evictSuspects(repository, suspects, refusedAtMs);
    ctx.waitUntil(evicted);
    await evicted;
    ctx.emit({ kind: 'heal' });
  }
  return relayed;
}

import type { Copy } from '../body/copies.ts';
import { readBody } from '../body/read.ts';
import { sending } from '../body/sending.ts';
import { tellClear } from '../cache/clear.ts';
import { inTurn } from '../cache/inTurn.ts';
import type { RequestContext } from '../context.ts';
import { digestOf } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { digestsIn, MAX_NAMED } from '../oci/manifest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import type { Upstream } from '../upstream.ts';
import { inBrief } from './answer.ts';
import { bothIn } from './linked.ts';
import { mayRead } from './mayRead.ts';

/** The origin lacks what the manifest names: distribution-spec, "Error Codes". */
const LACKING = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN']);
/** The statuses of those, and what registries make of them. */
const MAY_SAY_SO = new Set([400, 404, 409, 422]);
/** A longer refusal is relayed, and nothing is read from it; registries write some 150 bytes for each blob that is missing. */
const MAX_REFUSAL_BYTES = 1024 * 1024;
/** So many manifests that are forgotten are read once more. */
const MAX_READ = 20;

/**
 * What a refused manifest tells: of the digests that it and the refusal name the origin has not all, so whatever the cache
 * knows of them is forgotten, and the client's next attempt finds out what is missing. Only for a caller who may read
 * here, and only what is there: a stranger removes nothing and writes nothing.
 * @param copy the manifest
 * @returns the refusal, to be relayed
 */
export async function heal(
  ctx: RequestContext,
  upstream: Upstream,
  { name, reference }: { readonly name: RepositoryName; readonly reference: Reference },
  refusal: Response,
  copy: Copy | undefined,
): Promise<Response> {
  if (!MAY_SAY_SO.has(refusal.status)) return refusal;
  const read = await readBody(refusal, {
    room: upstream.bodies.room(ctx),
    maxBytes: MAX_REFUSAL_BYTES,
    timeoutMs: upstream.origin.timeoutMs,
  }).catch(() => undefined);
  if (!read) return inBrief(refusal, refusal.status === 404 ? 'MANIFEST_UNKNOWN' : 'MANIFEST_INVALID');
  if ('stream' in read) return new Response(read.stream, refusal);

  const words = new TextDecoder().decode(read.bytes);
  if (isLacking(words)) {
    const pushed = await copy?.whole(upstream.cacheTimeoutMs);
    const named = digestsIn(new TextDecoder().decode(pushed?.content));
    // What the refusal names is missing: that goes first, and is nothing to prove access by.
    const missing = digestsIn(words);
    // A client that is told of the manifest itself does not ask for what it names (oras).
    const own = new Set<Digest>(reference.kind === 'digest' ? [reference.text] : []);
    if (pushed) own.add(await digestOf(pushed.content));
    if (await mayRead(ctx, upstream, name, { blobs: [...named.difference(missing)], reference })) {
      const forgotten = forget(ctx, upstream, name, missing.union(own).union(named));
      ctx.waitUntil(forgotten);
      await forgotten;
    }
  }
  return new Response(sending(ctx, read.bytes), refusal);
}

function isLacking(words: string): boolean {
  try {
    const { errors } = JSON.parse(words) as { errors?: readonly { readonly code?: unknown }[] };
    return Array.isArray(errors) && errors.some((error) => LACKING.has(error?.code));
  } catch {
    return false;
  }
}

/**
 * Of manifests that are forgotten what they name is, too, or an index of which all is lost would be refused once for each
 * step down.
 */
async function forget(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  digests: ReadonlySet<Digest>,
): Promise<void> {
  await tellClear(ctx, 'clear', async () => {
    const gone = await evict(ctx, upstream, name, digests);
    const read = [...gone]
      .slice(0, MAX_READ)
      .map((digest) => upstream.contents.get(ctx, digest).catch(() => undefined));
    const texts = (await Promise.all(read)).map((content) => new TextDecoder().decode(content));
    await evict(ctx, upstream, name, digestsIn(texts.join()).difference(digests));
  }).catch(() => undefined);
}

/** @returns those that were there */
async function evict(ctx: RequestContext, upstream: Upstream, name: RepositoryName, digests: ReadonlySet<Digest>) {
  const some = [...digests].slice(0, MAX_NAMED);
  const gone = new Set<Digest>();
  // In turn: KV takes few requests at once.
  await inTurn(bothIn(upstream, name), async (scope) => {
    for (const digest of await scope.evict(ctx, some)) gone.add(digest);
  });
  return gone;
}

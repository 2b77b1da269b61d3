import { inTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { RequestContext } from '../context.ts';
import type { Copy } from '../http/body/copies.ts';
import { readBody } from '../http/body/readBody.ts';
import { trackedBody } from '../http/body/trackedBody.ts';
import { withErrorBody } from '../http/errorBody.ts';
import type { Digest } from '../oci/digest.ts';
import type { ErrorCode } from '../oci/errors.ts';
import { digestOf } from '../oci/hash.ts';
import { LINK_SETS } from '../oci/links.ts';
import { digestsIn, MAX_NAMED } from '../oci/manifest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import { CONTENT_TIMEOUT_MS } from '../stores/options.ts';
import { mayRead } from './mayRead.ts';
import type { Upstream } from './upstream.ts';

/** These are about the caller; any other refusal may be about what the manifest names, in whatever words. */
const ABOUT_THE_CALLER = new Set([401, 403, 429]);
/** Nothing is read from a longer refusal; registries write some 150 bytes for each blob that is missing. */
const MAX_REFUSAL_BYTES = 1024 * 1024;
/** At most 20 forgotten manifests, and no more once these are 8 MiB, are read: they are held until the request is over. */
const MAX_READ = 20;
const MAX_READ_BYTES = 8 * 1024 * 1024;

/**
 * A refused manifest may name what the origin does not have, so whatever the cache knows of the digests that it and the
 * refusal name is forgotten, and the client's next attempt finds out what is missing. Registries say it in many ways
 * (`MANIFEST_INVALID`, `BLOB_UPLOAD_UNKNOWN`, 412, 500, plain text): a wrong guess costs a question, a missed one blocks the
 * push. Only for a caller who may read here, and only what is there: a stranger removes nothing and writes nothing.
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
  if (refusal.status < 400 || ABOUT_THE_CALLER.has(refusal.status)) return refusal;
  const refusedAtMs = ctx.now();
  const { words, relayed } = await read(ctx, upstream, refusal);
  const pushed = await copy?.whole(upstream.cacheTimeoutMs);
  const named = digestsIn(new TextDecoder().decode(pushed?.content));
  // What the refusal names is missing: that goes first, and is nothing to prove access by.
  const missing = digestsIn(words);
  // A client that is told of the manifest itself does not ask for what it names (oras).
  const own = new Set<Digest>(reference.kind === 'digest' ? [reference.text] : []);
  if (pushed) own.add(await digestOf(pushed.content));
  const suspects = missing.union(own).union(named);
  if (suspects.size === 0) return relayed;
  const isLookedFor = refusal.status === 400 && !lacking(words).isDisjointFrom(named);
  if (await mayRead(ctx, upstream, name, { blobs: [...named.difference(missing)], reference, isLookedFor })) {
    const forgotten = forget(ctx, upstream, name, suspects, refusedAtMs);
    ctx.waitUntil(forgotten);
    await forgotten;
  }
  return relayed;
}

/**
 * Distribution-spec, "Error Codes": so a registry says what it has looked for in vain, with a 400. To a stranger from whom it
 * hides what it has it would say 404.
 */
const LACKING = 'MANIFEST_BLOB_UNKNOWN';

/** @returns the digests that the refusal says are not there */
function lacking(words: string): ReadonlySet<Digest> {
  try {
    const { errors } = JSON.parse(words) as { errors?: readonly { readonly code?: unknown }[] };
    const told = Array.isArray(errors) ? errors.filter((error) => error?.code === LACKING) : [];
    return digestsIn(JSON.stringify(told));
  } catch {
    return new Set();
  }
}

/** @returns what the refusal says, as far as it can be held, and the refusal with its body still to be sent */
async function read(ctx: RequestContext, upstream: Upstream, refusal: Response) {
  const body = await readBody(refusal, {
    room: upstream.bodies.room(ctx),
    maxBytes: MAX_REFUSAL_BYTES,
    timeoutMs: upstream.origin.timeoutMs,
  }).catch(() => undefined);
  if (!body) return { words: '', relayed: withErrorBody(refusal, CODES[refusal.status] ?? 'MANIFEST_INVALID') };
  if ('stream' in body) return { words: '', relayed: new Response(body.stream, refusal) };
  return { words: new TextDecoder().decode(body.bytes), relayed: new Response(trackedBody(ctx, body.bytes), refusal) };
}

/** What a refusal says whose own words did not come. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  404: 'MANIFEST_UNKNOWN',
  500: 'UNKNOWN',
  503: 'UNAVAILABLE',
};

/**
 * Of manifests that are forgotten what they name is, too, or an index of which all is lost would be refused once for each
 * step down.
 */
async function forget(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  digests: ReadonlySet<Digest>,
  refusedAtMs: number,
): Promise<void> {
  const evict = (some: ReadonlySet<Digest>) => evictFrom(ctx, upstream, name, some, refusedAtMs);
  const sizes = sizesOf(ctx, upstream, name, digests);
  await observeClear(ctx, 'clear', async () => {
    const below = await namedBy(ctx, upstream, await evict(digests), sizes);
    await evict(below.difference(digests));
  }).catch(() => undefined);
}

/** @returns the sizes of the manifests among them that this isolate's memory knows */
function sizesOf(ctx: RequestContext, { descriptors }: Upstream, name: RepositoryName, digests: Iterable<Digest>) {
  const sizes = new Map<Digest, number>();
  for (const digest of digests) {
    const known = descriptors.peek?.(ctx, name, 'manifests', digest);
    if (known) sizes.set(digest, known.descriptor.size);
  }
  return sizes;
}

/**
 * Reads manifests one after the other, since each takes its room, and KV takes few requests at once.
 * @returns what they name, as far as they are kept, and come in the time that content may take
 */
async function namedBy(
  ctx: RequestContext,
  { contents }: Upstream,
  manifests: Iterable<Digest>,
  sizes: ReadonlyMap<Digest, number>,
): Promise<Set<Digest>> {
  const until = ctx.now() + CONTENT_TIMEOUT_MS;
  let bytes = 0;
  let named = new Set<Digest>();
  for (const digest of [...manifests].slice(0, MAX_READ)) {
    if (bytes >= MAX_READ_BYTES || ctx.now() >= until) break;
    const size = sizes.get(digest);
    const content = await contents
      .get(ctx, digest, size === undefined ? undefined : async () => size)
      .catch(() => undefined);
    bytes += content?.length ?? 0;
    named = named.union(digestsIn(new TextDecoder().decode(content)));
  }
  return named;
}

/** @returns those that were there as manifests */
async function evictFrom(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  digests: ReadonlySet<Digest>,
  refusedAtMs: number,
): Promise<ReadonlySet<Digest>> {
  const some = [...digests].slice(0, MAX_NAMED);
  let manifests: ReadonlySet<Digest> = new Set();
  // In turn: KV takes few requests at once.
  await inTurn(LINK_SETS, async (links) => {
    const gone = await upstream.descriptors.repositoryScoped(name, links).evict(ctx, some, refusedAtMs);
    if (links === 'manifests') manifests = gone;
  });
  return manifests;
}

import { readBody } from '../body.ts';
import { tellClear } from '../cache/clear.ts';
import { LINK_SETS } from '../cache/provider.ts';
import type { RequestContext } from '../context.ts';
import { digestOf } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { digestsIn } from '../oci/manifest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import type { Upstream } from '../upstream.ts';
import { learnAccess } from './access.ts';
import type { Collected } from './collected.ts';

/** The origin lacks what the manifest names: distribution-spec, "Error Codes". */
const LACKING = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN']);
/** A longer refusal is relayed, and nothing is read from it. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** No image names as many digests. */
const MAX_NAMED = 2_000;
/** So many manifests that are forgotten are read once more. */
const MAX_READ = 20;
/** So many of the digests are asked for to see whether the caller may be here. */
const MAX_PROBES = 3;

/**
 * What a refused manifest tells: of the digests that it and the refusal name the origin has not all, so whatever the cache
 * knows of them is forgotten, and the client's next attempt finds out what is missing. Only for a caller who may read
 * here, and only what is there: a stranger removes nothing and writes nothing.
 * @param copy the manifest
 * @returns the refusal, to be relayed
 * @throws RegistryError ORIGIN_UNREACHABLE: the refusal broke off
 */
export async function heal(
  ctx: RequestContext,
  upstream: Upstream,
  { name, reference }: { readonly name: RepositoryName; readonly reference: Reference },
  refusal: Response,
  copy: Collected | undefined,
): Promise<Response> {
  const { status } = refusal;
  if (status < 400 || status >= 500 || ctx.caller === undefined) return refusal;
  const read = await readBody(refusal, MAX_REFUSAL_BYTES, upstream.origin.timeoutMs);
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
    if (await mayRead(ctx, upstream, name, [...named.difference(missing)])) {
      await forget(ctx, upstream, name, missing.union(own).union(named));
    }
  }
  return new Response(read.bytes, refusal);
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
 * Whether the caller may read in this repository. Where nobody knows (the grant has ended, another isolate has it), the
 * origin is asked for what the client has probably just uploaded, and at last for the tags.
 */
async function mayRead(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  named: readonly Digest[],
): Promise<boolean> {
  const isGranted = async () => (await upstream.authorizer.authorize(ctx, name)).kind === 'granted';
  const targets = [...named.slice(0, MAX_PROBES).map((digest) => `blobs/${digest}`), 'tags/list'];
  for (const target of targets) {
    if (await isGranted()) return true;
    const method = target === 'tags/list' ? 'GET' : 'HEAD';
    const asked = upstream.origin.send(ctx, `/v2/${name}/${target}`, { method, as: 'question' });
    const response = (await asked.catch(() => undefined))?.response;
    if (!response) return false;
    await response.body?.cancel();
    learnAccess(ctx, upstream, name, response);
  }
  return isGranted();
}

/**
 * From both link sets: an error does not say which, and registries keep manifests among the blobs. Of manifests that are
 * forgotten what they name is, too, or an index of which all is lost would be refused once for each step down.
 */
async function forget(
  ctx: RequestContext,
  { descriptors, contents }: Upstream,
  name: RepositoryName,
  digests: ReadonlySet<Digest>,
): Promise<void> {
  const [blobs, manifests] = LINK_SETS.map((links) => descriptors.repositoryScoped(name, links));
  const evict = async (all: ReadonlySet<Digest>) => {
    const some = [...all].slice(0, MAX_NAMED);
    const [, gone] = await Promise.all([blobs?.evict(ctx, some), manifests?.evict(ctx, some)]);
    return [...(gone ?? [])];
  };
  await tellClear(ctx, 'clear', async () => {
    const gone = await evict(digests);
    const below = gone.slice(0, MAX_READ).map((digest) => contents.get(ctx, digest));
    const named = (await Promise.all(below)).map((content) => digestsIn(new TextDecoder().decode(content)));
    await evict(new Set(named.flatMap((found) => [...found])).difference(digests));
  }).catch(() => undefined);
}

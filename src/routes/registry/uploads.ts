import type { RequestContext } from '../../context.ts';
import { type HashedBody, hashBody } from '../../http/body/hashBody.ts';
import { originLocation } from '../../http/location.ts';
import { algorithmOf, type Digest, isDigest } from '../../oci/digest.ts';
import { isRepositoryName, type RepositoryName } from '../../oci/name.ts';
import type { Route } from '../../oci/route.ts';
import type { OriginResponse } from '../../origin/origin.ts';
import { endPushFill, type PushFill, prepareFill } from '../../upstream/fillFromPush.ts';
import { Repository } from '../../upstream/repository.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import { isStorable, mayStore } from '../../upstream/storeFromPush.ts';
import { storeMounted, storeUploaded } from '../../upstream/storeUploaded.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relay, relayRewritten } from './relay.ts';

type UploadRoute = Extract<Route, { kind: 'upload' }>;

/**
 * Forwards a POST, PATCH, PUT or DELETE of an upload as a stream (distribution-spec, "Pushing blobs"). When the origin
 * says that it created a blob, the cache learns it.
 * @throws RegistryError as `sendWrite`
 */
export async function upload(ctx: RequestContext, upstream: Upstream, route: UploadRoute): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const repository = new Repository(ctx, upstream, route.name);
  const expected = expectedBlob(route, upstream);
  const fill =
    expected && !expected.mount && mayStore(ctx, upstream) ? prepareFill(repository, expected.digest) : undefined;
  const body = hashedBody(repository, expected, fill);
  const answered = await sendWrite(ctx, upstream, route, body).catch((error) => {
    if (fill) endPushFill(repository, fill, false);
    throw error;
  });
  const { response } = answered;
  if (fill) endPushFill(repository, fill, response.status === 201 && isStorable(repository, response));
  if (isStorable(repository, response)) await learn(repository, answered, expected, body);
  if (upstream.directUploads && ctx.method === 'POST' && response.status === 202) {
    return relay(ctx, response, originLocation(ctx.target, upstream.origin.url, response.headers));
  }
  return relayRewritten(ctx, upstream, response);
}

/** The blob that a 201 to a request creates. */
interface ExpectedBlob {
  readonly digest: Digest;
  /** Present for a mount; `from` is undefined where the query names no repository, or an invalid one. */
  readonly mount?: { readonly from: RepositoryName | undefined };
}

/** Returns the blob that the request mounts, or whose upload it completes. */
function expectedBlob({ search }: UploadRoute, { ownQueries }: Upstream): ExpectedBlob | undefined {
  const query = new URLSearchParams(search);
  // Other parameters are the origin's own, from the upload's Location; `ns` is the client's: it may mean another
  // registry.
  if (query.has('ns') && !ownQueries.has(`?ns=${query.getAll('ns')}`)) return undefined;
  const digests = [...query.getAll('digest'), ...query.getAll('mount')];
  const [digest = ''] = digests;
  if (digests.length !== 1 || !isDigest(digest)) return undefined;
  if (!query.has('mount')) return { digest };
  const [from = '', ...others] = query.getAll('from');
  return { digest, mount: { from: others.length === 0 && isRepositoryName(from) ? from : undefined } };
}

/** Returns the body of a request that may bring a whole blob: the last of an upload, or the only PATCH before it. */
function hashedBody(
  { ctx, upstream }: Repository,
  expected: ExpectedBlob | undefined,
  fill: PushFill | undefined,
): HashedBody | undefined {
  if (!mayStore(ctx, upstream) || !(expected || ctx.method === 'PATCH')) return undefined;
  // A PATCH does not say by which algorithm the blob will be named.
  return hashBody(ctx, expected ? algorithmOf(expected.digest) : 'sha256', fill?.held);
}

/** Stores the blob that was created, or notes what a PATCH brought. */
async function learn(
  repository: Repository,
  answered: OriginResponse,
  expected: ExpectedBlob | undefined,
  body: HashedBody | undefined,
): Promise<void> {
  const { ctx, upstream, name } = repository;
  const { status } = answered.response;
  if (status !== (expected ? 201 : 202)) return;
  if (expected?.mount) return storeMounted(repository, { ...answered, digest: expected.digest }, expected.mount.from);
  const content = await body?.content(upstream.cacheTimeoutMs);
  if (expected) return storeUploaded(repository, { ...answered, digest: expected.digest }, content);
  if (content) upstream.hashedUploads.add(ctx, name, content);
}

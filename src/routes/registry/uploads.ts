import { discard } from '../../cache/originAnswer.ts';
import { askThrough } from '../../cache/readThrough.ts';
import type { RequestContext } from '../../context.ts';
import { type HashedBody, hashBody } from '../../http/body/hashBody.ts';
import { originLocation, pointsTo } from '../../http/location.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { BLOB_TYPE } from '../../oci/mediaTypes.ts';
import type { Route } from '../../oci/route.ts';
import { askOrigin } from '../../upstream/askOrigin.ts';
import { repositoryItem } from '../../upstream/repository.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import { isStorable, storeProven } from '../../upstream/storeFromPush.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relay, relayRewritten } from './answer.ts';

type UploadRoute = Extract<Route, { kind: 'upload' }>;

/**
 * A POST, PATCH, PUT or DELETE of an upload, handed on as a stream: distribution-spec, "Pushing blobs".
 *
 * When the origin says that a blob is there now, the cache learns it: before the reply where all of its bytes came in this
 * request, which their hash proves; else (an upload in pieces, a mount, a large body) by asking the origin after the
 * reply.
 * @throws RegistryError as `write`
 */
export async function upload(ctx: RequestContext, upstream: Upstream, route: UploadRoute): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const digest = completedBy(route, upstream);
  const body = digest && hashBody(ctx, digest);
  const { response } = await sendWrite(ctx, upstream, route, body);
  const { status } = response;
  if (digest && status === 201 && isStorable(ctx, upstream, response)) {
    await storeUploaded(ctx, upstream, { name: route.name, digest }, response, body);
  }
  if (upstream.directUploads && ctx.method === 'POST' && status === 202) {
    return relay(ctx, response, originLocation(ctx.url, upstream.origin.url, response.headers));
  }
  return relayRewritten(ctx, upstream, response);
}

/** The digest of the blob that a 201 to this is about: what is mounted, or what the upload's end names. */
function completedBy({ search }: UploadRoute, { ownQueries }: Upstream): Digest | undefined {
  const query = new URLSearchParams(search);
  // What else the query says is the origin's own, in an upload's address; `ns` is the client's.
  if (query.has('ns') && !ownQueries.has(`?ns=${query.getAll('ns')}`)) return undefined;
  const named = [...query.getAll('digest'), ...query.getAll('mount')];
  const [digest = ''] = named;
  return named.length === 1 && isDigest(digest) ? digest : undefined;
}

type Uploaded = Pick<UploadRoute, 'name'> & { readonly digest: Digest };

async function storeUploaded(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest }: Uploaded,
  response: Response,
  body: HashedBody | undefined,
): Promise<void> {
  const path = `/v2/${name}/blobs/${digest}`;
  const item = repositoryItem(upstream, { name, links: 'blobs', digest }, true);
  const answeredAt = ctx.now();
  // An upload's session is the origin's own word; where the blob went, and under which digest, its answer tells.
  const isCanonical = (response.headers.get('docker-content-digest') ?? digest) === digest;
  const isThere = isCanonical && pointsTo(path, ctx.url, upstream.origin.url, response.headers);
  const { authorizer, origin } = upstream;
  // Where its media type is not the one of all blobs, only a HEAD tells it.
  const isTeaching = isThere && !origin.traits.typesBlobs;
  const proof = isTeaching ? await body?.proof(upstream.cacheTimeoutMs) : undefined;
  if (proof) {
    const descriptor = { digest, size: proof.size, mediaType: BLOB_TYPE };
    upstream.absences.forget(ctx, name, 'blobs', digest);
    await storeProven(ctx, upstream, item, { descriptor, verifiedAt: Math.min(proof.sentAt, answeredAt) });
    return;
  }
  const question = {
    name,
    links: 'blobs' as const,
    staleMs: 0,
    ask: () => origin.statBlob(ctx, { path, search: '', digest }),
  };
  const confirm = async () => {
    const isGranted = (await authorizer.authorize(ctx, name, 'HEAD blobs')).kind === 'granted';
    const asked = askThrough(
      ctx,
      () => item,
      () => askOrigin(ctx, upstream, question, { isGranted }),
    );
    await discard((await asked).answer);
  };
  ctx.waitUntil(confirm());
}

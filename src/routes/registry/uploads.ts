import { askThrough } from '../../cache/learn.ts';
import { discard } from '../../cache/originAnswer.ts';
import type { RequestContext } from '../../context.ts';
import { type HashedBody, hashBody } from '../../http/body/hashBody.ts';
import { originLocation, pointsTo } from '../../http/location.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { BLOB_TYPE } from '../../oci/mediaTypes.ts';
import type { Route } from '../../oci/route.ts';
import { throughFlight } from '../../upstream/collapse.ts';
import { BLOB_EXISTENCE } from '../../upstream/existence.ts';
import { Repository } from '../../upstream/repository.ts';
import { sendWrite } from '../../upstream/sendWrite.ts';
import { isStorable, storeProven } from '../../upstream/storeFromPush.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relay, relayRewritten } from './relay.ts';

type UploadRoute = Extract<Route, { kind: 'upload' }>;

/**
 * Forwards a POST, PATCH, PUT or DELETE of an upload as a stream (distribution-spec, "Pushing blobs").
 *
 * When the origin says that the upload created a blob, the cache learns it: before the reply, if the hash of the
 * request's body proves that it was the whole blob; otherwise (an upload in pieces, a mount, a large body) by asking
 * the origin after the reply.
 * @throws RegistryError as `sendWrite`
 */
export async function upload(ctx: RequestContext, upstream: Upstream, route: UploadRoute): Promise<Response> {
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const digest = completedDigest(route, upstream);
  const body = digest && hashBody(ctx, digest);
  const { response } = await sendWrite(ctx, upstream, route, body);
  const { status } = response;
  const repository = new Repository(ctx, upstream, route.name);
  if (digest && status === 201 && isStorable(repository, response)) {
    await storeUploaded(repository, digest, { response, body });
  }
  if (upstream.directUploads && ctx.method === 'POST' && status === 202) {
    return relay(ctx, response, originLocation(ctx.url, upstream.origin.url, response.headers));
  }
  return relayRewritten(ctx, upstream, response);
}

/** Returns the digest of the blob that a 201 to this request creates: the one it mounts, or that the last PUT names. */
function completedDigest({ search }: UploadRoute, { ownQueries }: Upstream): Digest | undefined {
  const query = new URLSearchParams(search);
  // Other parameters are the origin's own, from the upload's Location; `ns` is the client's: it may mean another
  // registry.
  if (query.has('ns') && !ownQueries.has(`?ns=${query.getAll('ns')}`)) return undefined;
  const digests = [...query.getAll('digest'), ...query.getAll('mount')];
  const [digest = ''] = digests;
  return digests.length === 1 && isDigest(digest) ? digest : undefined;
}

interface Uploaded {
  readonly response: Response;
  readonly body: HashedBody | undefined;
}

/** Stores the descriptor of a blob that the origin answered with 201, or confirms it by a HEAD after the reply. */
async function storeUploaded(repository: Repository, digest: Digest, { response, body }: Uploaded): Promise<void> {
  const { ctx, upstream, name } = repository;
  const path = `/v2/${name}/blobs/${digest}`;
  const item = repository.item('blobs', digest);
  const answeredAt = ctx.now();
  // The upload session is opaque, so only the origin's answer tells where the blob went, and under which digest.
  const isCanonical = (response.headers.get('docker-content-digest') ?? digest) === digest;
  const isConfirmed = isCanonical && pointsTo(path, ctx.url, upstream.origin.url, response.headers);
  if (isConfirmed) upstream.recentUploads.add(ctx, name, digest);
  // Where the origin types blobs by their manifests, only a HEAD tells the media type.
  const isProvable = isConfirmed && !upstream.origin.traits.typesBlobs;
  const proof = isProvable ? await body?.proof(upstream.cacheTimeoutMs) : undefined;
  if (proof) {
    const descriptor = { digest, size: proof.size, mediaType: BLOB_TYPE };
    upstream.absences.forget(ctx, name, 'blobs', digest);
    await storeProven(repository, item, { descriptor, verifiedAt: Math.min(proof.sentAt, answeredAt) });
    return;
  }
  const question = {
    kind: BLOB_EXISTENCE,
    target: { path, search: '' },
    reference: { kind: 'digest', text: digest },
  } as const;
  const confirm = async () => {
    await repository.authorize('HEAD blobs');
    // The client's own HEAD, which some send at once, follows this flight.
    const asked = throughFlight(repository, question, (ask) =>
      askThrough(
        ctx,
        () => item,
        () => ask(undefined),
      ),
    );
    await discard((await asked).answer);
  };
  ctx.waitUntil(confirm());
}

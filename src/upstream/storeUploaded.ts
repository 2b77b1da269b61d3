import { within } from '../async.ts';
import { lookUp } from '../cache/lookup.ts';
import type { HashedContent } from '../http/body/hashBody.ts';
import { pointsTo } from '../http/location.ts';
import type { Digest } from '../oci/digest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { OriginResponse } from '../origin/origin.ts';
import { askBlob } from './askBlob.ts';
import { recordAbsence } from './evictAbsences.ts';
import { Repository } from './repository.ts';
import { storeProven } from './storeFromPush.ts';

/** A blob that the origin's 201 says it has. */
export interface CreatedBlob extends OriginResponse {
  readonly digest: Digest;
}

/**
 * Stores the descriptor of a blob that was uploaded. If its bytes passed this isolate and were hashed, in the last
 * request or before it, that happens before the reply; otherwise the origin is asked after it.
 * @param content the body of the upload's last request, if it was hashed
 */
export async function storeUploaded(
  repository: Repository,
  blob: CreatedBlob,
  content: HashedContent | undefined,
): Promise<void> {
  const { ctx, upstream, name } = repository;
  // The kind of request does not prove that a body is the whole blob, since the last PUT may bring only a piece.
  const size = content?.digest === blob.digest ? content.size : upstream.hashedUploads.sizeOf(ctx, name, blob.digest);
  await storeOrAsk(repository, { ...blob, sentAt: content?.sentAt ?? blob.sentAt }, size);
}

/**
 * Stores the descriptor of a blob that was mounted: before the reply if it is stored in the repository from which it
 * came, and otherwise by a question after it. Without a grant there, whether it is stored would show, so nothing is
 * looked up; nothing is asked either, since nobody has asked for the blob yet.
 */
export async function storeMounted(
  repository: Repository,
  blob: CreatedBlob,
  source: RepositoryName | undefined,
): Promise<void> {
  const { ctx, upstream } = repository;
  const there = source && new Repository(ctx, upstream, source);
  await there?.authorize('HEAD blobs');
  if (!there?.isGranted) return void noteExistence(repository, blob);
  const found = await within(lookUp(ctx, there.item('blobs', blob.digest)), upstream.cacheTimeoutMs);
  const descriptor = found?.outcome === 'hit' ? found.entry.descriptor : undefined;
  await storeOrAsk(repository, blob, descriptor?.digest === blob.digest ? descriptor.size : undefined);
}

/** Stores the descriptor, if the size (bytes) and all else is known, or asks the origin for it after the reply. */
async function storeOrAsk(repository: Repository, blob: CreatedBlob, size: number | undefined): Promise<void> {
  const { ctx, upstream, name } = repository;
  const { digest, sentAt } = blob;
  const answeredAt = ctx.now();
  const isNoted = noteExistence(repository, blob);
  // Where the origin types blobs by their manifests, only a HEAD tells the media type.
  const isProvable = isNoted && !upstream.origin.traits.typesBlobs;
  if (size === undefined || !isProvable) return askAfterReply(repository, digest);
  upstream.absences.forget(ctx, name, 'blobs', digest);
  const entry = { descriptor: { digest, size, mediaType: BLOB_TYPE }, verifiedAt: Math.min(sentAt, answeredAt) };
  await storeProven(repository, repository.item('blobs', digest), entry);
}

/** Spares the check of a manifest the question whether the blob exists. @returns whether the origin says so */
function noteExistence(repository: Repository, blob: CreatedBlob): boolean {
  const { ctx, upstream, name } = repository;
  const exists = isConfirmed(repository, blob);
  if (exists) upstream.recentUploads.add(ctx, name, blob.digest);
  return exists;
}

/**
 * Whether the origin says that this repository has the blob under this digest. The upload session is opaque, so only
 * its answer tells where the blob went.
 */
function isConfirmed({ ctx, upstream, name }: Repository, { digest, response: { headers } }: CreatedBlob): boolean {
  const isCanonical = (headers.get('docker-content-digest') ?? digest) === digest;
  return isCanonical && pointsTo(blobPath(name, digest), ctx.target, upstream.origin.url, headers);
}

/**
 * Asks the origin for the blob after the reply. The client's own HEAD, which some send at once, follows this flight. If
 * it is gone, what the cache holds of it is evicted, whatever the origin said before: distribution answers the mount of
 * a sha512 alias with 201, and loses the alias.
 */
function askAfterReply(repository: Repository, digest: Digest): void {
  const { ctx, upstream, name } = repository;
  const confirm = async () => {
    await repository.authorize('HEAD blobs');
    const question = { blob: { digest, isManifest: false }, lookup: undefined, signal: undefined, inTurn: asItComes };
    const answer = await askBlob(repository, question);
    if (answer.kind !== 'gone') return;
    upstream.recentUploads.drop(name);
    await recordAbsence(repository, 'blobs', { digest, sentAt: answer.sentAtMs });
  };
  ctx.waitUntil(confirm());
}

const asItComes = <T>(work: () => Promise<T>): Promise<T> => work();

function blobPath(name: RepositoryName, digest: Digest): string {
  return `/v2/${name}/blobs/${digest}`;
}

import { within } from '../async.ts';
import { contentItem, withContent } from '../cache/contentItem.ts';
import { withErrorBody } from '../http/errorBody.ts';
import { type ContentEntry, type Descriptor, type Entry, isSameDescriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type ErrorCode, isOriginFailure } from '../oci/errors.ts';
import type { ContentStat } from '../origin/origin.ts';
import { MANIFEST_EXISTENCE } from './existence.ts';
import { type ContentKind, type ContentRequest, isAccepted } from './question.ts';
import type { Repository } from './repository.ts';

/** `GET` of a manifest: its descriptor and its content. */
export const MANIFEST_CONTENT: ContentKind<ContentEntry> = {
  answers: 'GET manifests',
  links: 'manifests',
  answersWhileFailing: true,
  peek(repository, digest) {
    const entry = repository.peek('manifests', digest);
    return entry && withContent(entry, repository.upstream.contents.peek?.(repository.ctx, digest));
  },
  item: (repository, digest) => contentItem(digest, repository.item('manifests', digest), repository.upstream.contents),
  isWitnessed: (_repository, entry) => isWitnessed(entry),
  async ask(repository, request, { known, cancelled }) {
    const stored = known ?? (await recentManifest(repository, request));
    const isUseful = stored && isWitnessed(stored) && isAccepted(request, stored);
    return isUseful
      ? confirm(repository, request, { known: stored, cancelled })
      : fetchManifest(repository, request, cancelled);
  },
};

/** Returns the manifest to which the tag pointed a moment ago, if the caller may have it and it is stored. */
async function recentManifest(
  repository: Repository,
  { reference }: ContentRequest,
): Promise<ContentEntry | undefined> {
  const { ctx, upstream, name, isGranted } = repository;
  const digest =
    reference.kind === 'tag' && isGranted ? upstream.recentTags.find(ctx, name, reference.text) : undefined;
  return digest && readStored(repository, digest);
}

/** Reads a manifest from the store. @returns `undefined` if the store is slow or fails, too */
function readStored(repository: Repository, digest: Digest): Promise<ContentEntry | undefined> {
  const lookup = MANIFEST_CONTENT.item(repository, digest).stat(repository.ctx);
  return within(
    lookup.catch(() => undefined),
    repository.upstream.cacheTimeoutMs,
  );
}

/** A HEAD may give no usable media type, even if the content itself is stored, perhaps for another repository. */
function isWitnessed({ witness }: Entry): boolean {
  return witness !== 'HEAD';
}

function fetchManifest(
  { ctx, upstream }: Repository,
  { target, reference }: ContentRequest,
  cancelled: AbortSignal | undefined,
): Promise<ContentStat<ContentEntry>> {
  return upstream.origin.getManifest(ctx, target.path + target.search, reference, cancelled);
}

/**
 * Asks for a manifest that is stored. A HEAD shows whether the stored one is still the answer. It costs no body, and
 * none of the pulls that rate-limited registries count. It is no witness of the media type that a GET would give, so if
 * the descriptors differ, the manifest is fetched.
 */
async function confirm(
  repository: Repository,
  request: ContentRequest,
  { known, cancelled }: { readonly known: ContentEntry; readonly cancelled: AbortSignal | undefined },
): Promise<ContentStat<ContentEntry>> {
  const { response, method, found } = await MANIFEST_EXISTENCE.ask(repository, request, { cancelled });
  if (found) {
    const { descriptor } = found.entry;
    const stored = await storedEntry(repository, request, known, descriptor);
    const isSame = stored !== undefined && isWitnessed(stored) && isSameDescriptor(stored.descriptor, descriptor);
    const entry = isSame ? withContent(found.entry, stored.content) : undefined;
    if (entry) return { response, method, found: { ...found, entry } };
  }
  // The tag points to another manifest now, or the answer says too little, or the origin implements no HEAD (501).
  if (response.status < 400 || response.status === 501) return fetchManifest(repository, request, cancelled);
  const refused = { response, method, relay: withErrorBody(response, ERROR_CODES[response.status] ?? 'UNAVAILABLE') };
  if (isOriginFailure(response.status)) return refused;
  // A HEAD's refusal has no body, so the GET is sent for its words. If that fails, the refusal stands all the same.
  const answer = await fetchManifest(repository, request, cancelled).catch(() => refused);
  return isOriginFailure(answer.response.status) ? refused : answer;
}

/**
 * Returns the stored entry of the manifest that the origin names now. It is another one than the known only if the
 * question was a tag that has moved.
 */
async function storedEntry(
  repository: Repository,
  request: ContentRequest,
  known: ContentEntry,
  { digest }: Descriptor,
): Promise<ContentEntry | undefined> {
  if (digest === known.descriptor.digest) return known;
  const other = await readStored(repository, digest);
  return other && isAccepted(request, other) ? other : undefined;
}

/** The error codes for a HEAD's refusal, which has no body of its own. */
const ERROR_CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
};

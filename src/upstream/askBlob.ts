import { storeAnswer } from '../cache/learn.ts';
import { isStoreFault, type Lookup } from '../cache/lookup.ts';
import { discard } from '../cache/originAnswer.ts';
import { withErrorBody } from '../http/errorBody.ts';
import { isOriginFailure } from '../oci/errors.ts';
import { ALL_MANIFESTS } from '../oci/mediaTypes.ts';
import type { NeededBlob } from '../oci/neededBlobs.ts';
import { isFromCache } from '../origin/confirmation.ts';
import { throughFlight } from './collapse.ts';
import { BLOB_EXISTENCE } from './existence.ts';
import { flightQuestion } from './question.ts';
import type { Repository } from './repository.ts';

/** What the origin says of a blob that a manifest needs. */
export type BlobAnswer =
  /** `stored` settles when the confirmation is in the store, or will not be. */
  | { readonly kind: 'exists'; readonly stored: Promise<void> | undefined }
  /** A 404, also of the storage to which the origin redirects. `sentAtMs`: when the question was sent (epoch ms). */
  | { readonly kind: 'gone'; readonly sentAtMs: number }
  /** It does not tell this caller, or nobody: 401, 403, 405, 501, and whatever else is no answer. */
  | { readonly kind: 'undecided' }
  /** It fails to answer: 429 or 5xx. */
  | { readonly kind: 'failed'; readonly response: Response };

export interface BlobQuestion {
  readonly blob: NeededBlob;
  /** What this caller's own lookup found; `undefined` if it had none. */
  readonly lookup: Lookup | undefined;
  /** Ends the question early. */
  readonly signal: AbortSignal | undefined;
  /** Waits for its turn before a request is sent: a question that follows another one's flight sends none. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Asks the origin, with this caller's credential, whether a blob exists, and writes back what it confirms.
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function askBlob(
  repository: Repository,
  { blob, lookup, signal, inTurn }: BlobQuestion,
): Promise<BlobAnswer> {
  const { ctx, upstream, name } = repository;
  const { digest } = blob;
  const target = { path: `/v2/${name}/blobs/${digest}`, search: '' };
  const question = { kind: BLOB_EXISTENCE, target, reference: { kind: 'digest', text: digest } } as const;
  const askOrFollow = () =>
    throughFlight(repository, question, async (ask) => {
      const answer = await ask(lookup, signal);
      if (isStoreFault(lookup)) return { answer };
      const prior = lookup && { looking: Promise.resolve(lookup), lookedAt: lookedAtOf(lookup) };
      return storeAnswer(ctx, repository.item('blobs', digest), answer, prior);
    });
  const flight = flightQuestion(repository, question);
  // A follower sends no request. No flight is opened before its turn: a HEAD that follows it would wait for all others.
  const canFollow = flight !== undefined && upstream.flights.isAsked(flight);
  const { answer, stored } = await (canFollow ? askOrFollow() : inTurn(askOrFollow));
  if (answer.kind === 'found') return { kind: 'exists', stored };
  await discard(answer);
  const { response, sentAtMs, isLost } = answer;
  if (isOriginFailure(response.status) && response.status !== 501) return failed(response);
  if (!isNotFound(response) && !isLost) return { kind: 'undecided' };
  return blob.isManifest ? inTurn(() => askManifest(repository, blob, signal)) : { kind: 'gone', sentAtMs };
}

function lookedAtOf(lookup: Lookup): number | undefined {
  return lookup.outcome === 'fault' ? undefined : lookup.lookedAt;
}

/** Asks for a blob that the origin may have as a manifest. */
async function askManifest(
  { ctx, upstream, name }: Repository,
  { digest }: NeededBlob,
  signal: AbortSignal | undefined,
): Promise<BlobAnswer> {
  const question = { method: 'HEAD', as: 'question', accept: ALL_MANIFESTS, signal } as const;
  const { response, sentAt } = await upstream.origin.send(ctx, `/v2/${name}/manifests/${digest}`, question);
  if (response.ok) return { kind: 'exists', stored: undefined };
  if (isOriginFailure(response.status) && response.status !== 501) return failed(response);
  return isNotFound(response) ? { kind: 'gone', sentAtMs: sentAt } : { kind: 'undecided' };
}

/**
 * Whether the origin itself says so, and not a cache on the way, which may have remembered it from before an upload.
 */
function isNotFound(response: Response): boolean {
  return response.status === 404 && !isFromCache(response);
}

/** The answer to a HEAD has no body, but the client sent a PUT. */
function failed(response: Response): BlobAnswer {
  const code = response.status === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE';
  return { kind: 'failed', response: withErrorBody(response, code) };
}

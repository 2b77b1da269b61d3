import { withContent } from '../cache/contentItem.ts';
import { withErrorBody } from '../http/errorBody.ts';
import type { ContentEntry, Descriptor } from '../oci/descriptor.ts';
import { type ErrorCode, isOriginFailure } from '../oci/errors.ts';
import type { ContentStat } from '../origin/origin.ts';
import { MANIFEST_EXISTENCE } from './existence.ts';
import { pullManifest } from './pullManifest.ts';
import { type Asked, type AskOptions, type ContentKind, isAccepted, type Question } from './question.ts';
import type { Repository } from './repository.ts';
import { confirmedBy, isUsable, isWitnessed, manifestItem, readStored } from './storedManifest.ts';

/** `GET` of a manifest: its descriptor and its content. */
export const MANIFEST_CONTENT: ContentKind<ContentEntry> = {
  answers: 'GET manifests',
  links: 'manifests',
  answersWhileFailing: true,
  peek(repository, digest) {
    const entry = repository.peek('manifests', digest);
    return entry && withContent(entry, repository.upstream.contents.peek?.(repository.ctx, digest));
  },
  item: manifestItem,
  isWitnessed: (_repository, entry) => isWitnessed(entry),
  async ask(repository, question, options) {
    const stored = options.known ?? (await recentManifest(repository, question));
    if (stored && isUsable(question, stored)) return confirm(repository, question, { ...options, stored });
    const pulled = await pullManifest(repository, question, options);
    return 'hint' in pulled ? confirm(repository, question, { ...options, stored: pulled.hint }) : pulled;
  },
};

type ManifestQuestion = Question<ContentEntry>;

/** Returns the manifest to which the tag pointed a moment ago, if the caller may have it and it is stored. */
async function recentManifest(
  repository: Repository,
  { reference }: ManifestQuestion,
): Promise<ContentEntry | undefined> {
  const { ctx, upstream, name, isGranted } = repository;
  const digest =
    reference.kind === 'tag' && isGranted ? upstream.recentTags.find(ctx, name, reference.text) : undefined;
  return digest && readStored(repository, digest);
}

/**
 * Asks for a manifest that is stored. A HEAD shows whether the stored one is still the answer. It costs no body, and
 * none of the pulls that rate-limited registries count. It is no witness of the media type that a GET would give, so if
 * the descriptors differ, the manifest is fetched.
 */
async function confirm(
  repository: Repository,
  question: ManifestQuestion,
  options: AskOptions<ContentEntry> & { readonly stored: ContentEntry },
): Promise<Asked<ContentEntry>> {
  const head = await MANIFEST_EXISTENCE.ask(repository, question, options);
  const { response, method, found } = head;
  const stored = found && (await storedEntry(repository, question, options.stored, found.entry.descriptor));
  const confirmed = stored && confirmedBy(head, stored);
  if (confirmed) return confirmed;
  // The tag points to another manifest now, or the answer says too little, or the origin implements no HEAD (501).
  if (response.status < 400 || response.status === 501) return pullAfter(repository, question, { ...options, head });
  const refused = { response, method, relay: withRefusalBody(response) };
  const { pulls, keepsDeleted } = repository.upstream;
  // The words of a refusal are not worth a pull that is counted, nor where what was deleted is answered all the same.
  if (isOriginFailure(response.status) || pulls?.isCounted || keepsDeleted) return refused;
  // A HEAD's refusal has no body, so the GET is sent for its words. If that fails, the refusal stands all the same.
  const answer = await pullAfter(repository, question, { ...options, head }).catch(() => refused);
  return 'stored' in answer || !isOriginFailure(answer.response.status) ? answer : refused;
}

/** Fetches the manifest after a HEAD has been answered. */
async function pullAfter(
  repository: Repository,
  question: ManifestQuestion,
  options: AskOptions<ContentEntry> & { readonly head: ContentStat },
): Promise<Asked<ContentEntry>> {
  const pulled = await pullManifest(repository, question, options);
  if ('hint' in pulled) throw new TypeError('what a HEAD has confirmed is no hint');
  return pulled;
}

/**
 * Returns the stored entry of the manifest that the origin names now. It is another one than the known only if the
 * question was a tag that has moved.
 */
async function storedEntry(
  repository: Repository,
  question: ManifestQuestion,
  known: ContentEntry,
  { digest }: Descriptor,
): Promise<ContentEntry | undefined> {
  if (digest === known.descriptor.digest) return known;
  const other = await readStored(repository, digest);
  return other && isAccepted(question, other) ? other : undefined;
}

/** Gives the origin's refusal of a HEAD, which has no body of its own, that of a GET. */
export function withRefusalBody(response: Response): Response {
  return withErrorBody(response, ERROR_CODES[response.status] ?? 'UNAVAILABLE');
}

/** The error codes for the refusals of a HEAD. */
const ERROR_CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
};

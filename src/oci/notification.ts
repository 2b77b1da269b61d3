import { type Digest, isDigest, isForeignDigest } from './digest.ts';
import { RegistryError } from './errors.ts';
import { BLOB_TYPE } from './mediaTypes.ts';
import { isRepositoryName, type RepositoryName } from './name.ts';
import { isTag } from './reference.ts';

/** A change in a repository that an event reports and that a cache has to know: entries that may no longer be true. */
export type Change = { readonly name: RepositoryName } & (
  | { readonly kind: 'manifest pushed'; readonly tag: string | undefined; readonly digest?: Digest | undefined }
  | { readonly kind: 'tag deleted'; readonly tag: string }
  | { readonly kind: 'content deleted'; readonly digest: Digest }
  | { readonly kind: 'repository deleted' }
);

/** The part of an event that is malformed, so that the event is not used, or not completely. */
export type Unusable = 'event' | 'action' | 'target' | 'repository' | 'tag' | 'digest';

/** What an envelope of events says. */
export interface Envelope {
  /** Each once, in the order of their first events. */
  readonly changes: readonly Change[];
  /** How many events the envelope has. */
  readonly events: number;
  /** How many of them could not be used, or not completely, and why. */
  readonly unusable: number;
  readonly reasons: ReadonlySet<Unusable>;
}

/**
 * Reads the envelope of a registry's webhook (distribution, "Notifications"). Pushed and mounted blobs, pulls and other
 * actions change nothing that a cache holds, and unknown fields are ignored. A malformed event does not spoil the
 * others: a registry repeats an envelope that is refused, and sends nothing else before it is accepted.
 * @throws RegistryError REQUEST_INVALID: it is not an envelope
 */
export function parseEnvelope(text: string): Envelope {
  const events = parseEvents(text);
  const changes = new Map<string, Change>();
  const reasons = new Set<Unusable>();
  let unusable = 0;
  for (const event of events) {
    const parsed = parseEvent(event);
    for (const change of parsed.changes) changes.set(JSON.stringify(change), change);
    if (!parsed.unusable) continue;
    reasons.add(parsed.unusable);
    unusable++;
  }
  return { changes: [...changes.values()], events: events.length, unusable, reasons };
}

function parseEvents(text: string): readonly unknown[] {
  const envelope = parseJson(text);
  if (!isObject(envelope) || envelope.events === undefined) throw notAnEnvelope('expected {"events": [...]}');
  const { events } = envelope;
  // Go writes an empty list as null.
  if (events === null) return [];
  if (!Array.isArray(events)) throw notAnEnvelope('expected a list of events');
  return events;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notAnEnvelope('expected JSON');
  }
}

function notAnEnvelope(expected: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', { message: `not an envelope of events: ${expected}` });
}

interface ParsedEvent {
  readonly changes: readonly Change[];
  readonly unusable?: Unusable | undefined;
}

const NO_CHANGE: ParsedEvent = { changes: [] };

function parseEvent(event: unknown): ParsedEvent {
  if (!isObject(event)) return { changes: [], unusable: 'event' };
  const { action, target } = event;
  if (typeof action !== 'string') return { changes: [], unusable: 'action' };
  if (action !== 'push' && action !== 'delete') return NO_CHANGE;
  if (!isObject(target)) return { changes: [], unusable: 'target' };
  const { repository: name, mediaType } = target;
  if (typeof name !== 'string' || !isRepositoryName(name)) return { changes: [], unusable: 'repository' };
  // A pushed blob has the media type of blobs; everything else is a manifest.
  if (action === 'push') return mediaType === BLOB_TYPE ? NO_CHANGE : parsePush(name, target);
  return parseDelete(name, target);
}

/** A push matters for its tag and the digest that the tag now names; without a tag, it still changes lists. */
function parsePush(name: RepositoryName, target: Fields): ParsedEvent {
  const tag = nonEmpty(target.tag);
  const digest = isDigestText(target.digest) ? target.digest : undefined;
  if (isTagText(tag)) return { changes: [{ kind: 'manifest pushed', name, tag, digest }] };
  const changes = [{ kind: 'manifest pushed', name, tag: undefined } as const];
  return tag === undefined ? { changes } : { changes, unusable: 'tag' };
}

function parseDelete(name: RepositoryName, target: Fields): ParsedEvent {
  const [tag, digest] = [nonEmpty(target.tag), nonEmpty(target.digest)];
  if (tag === undefined && digest === undefined) return { changes: [{ kind: 'repository deleted', name }] };
  const changes: Change[] = [];
  let unusable: Unusable | undefined;
  if (isTagText(tag)) changes.push({ kind: 'tag deleted', name, tag });
  else if (tag !== undefined) unusable = 'tag';
  if (isDigestText(digest)) changes.push({ kind: 'content deleted', name, digest });
  // The edge stores nothing under a digest that it cannot verify.
  else if (digest !== undefined && !isForeignText(digest)) unusable = 'digest';
  return { changes, unusable };
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** Go omits an empty field, or writes it as empty; both are `undefined` here. */
function nonEmpty(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

function isTagText(value: unknown): value is string {
  return typeof value === 'string' && isTag(value);
}

function isDigestText(value: unknown): value is Digest {
  return typeof value === 'string' && isDigest(value);
}

function isForeignText(value: unknown): boolean {
  return typeof value === 'string' && isForeignDigest(value);
}

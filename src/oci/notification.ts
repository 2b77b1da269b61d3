import { type Digest, isDigest, isForeignDigest } from './digest.ts';
import { RegistryError } from './errors.ts';
import { BLOB_TYPE } from './mediaTypes.ts';
import { isRepositoryName, type RepositoryName } from './name.ts';
import { isTag } from './reference.ts';

/** What an event tells of a repository, as far as a cache has to know: what may no longer be as it was. */
export type Change = { readonly name: RepositoryName } & (
  | { readonly kind: 'manifest pushed'; readonly tag: string | undefined; readonly digest?: Digest | undefined }
  | { readonly kind: 'tag deleted'; readonly tag: string }
  | { readonly kind: 'content deleted'; readonly digest: Digest }
  | { readonly kind: 'repository deleted' }
);

/** What of an event is nothing that a cache could hold. */
export type Unusable = 'event' | 'action' | 'target' | 'repository' | 'tag' | 'digest';

export interface Envelope {
  /** Each once, in the order in which they were first told. */
  readonly changes: readonly Change[];
  readonly events: number;
  /** How many of them could not be used, or not all of one, and why. */
  readonly unusable: number;
  readonly why: ReadonlySet<Unusable>;
}

/**
 * Reads the envelope of a registry's webhook (distribution, "Notifications"). Pushed and mounted blobs, pulls and what
 * else there is change nothing that a cache holds; unknown fields are ignored. What cannot be read costs no other event:
 * a registry sends what is refused again, before all that comes after it.
 * @throws RegistryError REQUEST_INVALID: it is no envelope
 */
export function parseEnvelope(text: string): Envelope {
  const events = eventsIn(text);
  const changes = new Map<string, Change>();
  const why = new Set<Unusable>();
  let unusable = 0;
  for (const event of events) {
    const read = readEvent(event);
    for (const change of read.changes) changes.set(JSON.stringify(change), change);
    if (!read.unusable) continue;
    why.add(read.unusable);
    unusable++;
  }
  return { changes: [...changes.values()], events: events.length, unusable, why };
}

function eventsIn(text: string): readonly unknown[] {
  const envelope = jsonIn(text);
  if (!isObject(envelope) || envelope.events === undefined) throw notAnEnvelope('expected {"events": [...]}');
  const { events } = envelope;
  // Go writes a list of nothing so.
  if (events === null) return [];
  if (!Array.isArray(events)) throw notAnEnvelope('expected a list of events');
  return events;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notAnEnvelope('expected JSON');
  }
}

function notAnEnvelope(what: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', { message: `not an envelope of events: ${what}` });
}

interface EventRead {
  readonly changes: readonly Change[];
  readonly unusable?: Unusable | undefined;
}

const NOTHING: EventRead = { changes: [] };

function readEvent(event: unknown): EventRead {
  if (!isObject(event)) return { changes: [], unusable: 'event' };
  const { action, target } = event;
  if (typeof action !== 'string') return { changes: [], unusable: 'action' };
  if (action !== 'push' && action !== 'delete') return NOTHING;
  if (!isObject(target)) return { changes: [], unusable: 'target' };
  const { repository: name, mediaType } = target;
  if (typeof name !== 'string' || !isRepositoryName(name)) return { changes: [], unusable: 'repository' };
  // What is pushed as a blob says so; all else is a manifest.
  if (action === 'push') return mediaType === BLOB_TYPE ? NOTHING : readPush(name, target);
  return readDelete(name, target);
}

/** Of a push only the tag matters, where it leads now, and that there was one. */
function readPush(name: RepositoryName, target: Fields): EventRead {
  const tag = given(target.tag);
  const digest = isDigestText(target.digest) ? target.digest : undefined;
  if (isTagText(tag)) return { changes: [{ kind: 'manifest pushed', name, tag, digest }] };
  const changes = [{ kind: 'manifest pushed', name, tag: undefined } as const];
  return tag === undefined ? { changes } : { changes, unusable: 'tag' };
}

function readDelete(name: RepositoryName, target: Fields): EventRead {
  const [tag, digest] = [given(target.tag), given(target.digest)];
  if (tag === undefined && digest === undefined) return { changes: [{ kind: 'repository deleted', name }] };
  const changes: Change[] = [];
  let unusable: Unusable | undefined;
  if (isTagText(tag)) changes.push({ kind: 'tag deleted', name, tag });
  else if (tag !== undefined) unusable = 'tag';
  if (isDigestText(digest)) changes.push({ kind: 'content deleted', name, digest });
  // Of one that the edge cannot check it keeps nothing.
  else if (digest !== undefined && !isForeignText(digest)) unusable = 'digest';
  return { changes, unusable };
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** Go leaves out what is empty, or writes it so. */
function given(value: unknown): unknown {
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

import * as v from 'valibot';
import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';
import { BLOB_TYPE } from './mediaTypes.ts';
import { parseRepositoryName, type RepositoryName } from './name.ts';
import { isTag } from './reference.ts';

/** What an event tells of a repository, as far as a cache has to know: what may no longer be as it was. */
export type Change = { readonly name: RepositoryName } & (
  | { readonly kind: 'manifest pushed'; readonly tag: string | undefined }
  | { readonly kind: 'tag deleted'; readonly tag: string }
  | { readonly kind: 'content deleted'; readonly digest: Digest }
  | { readonly kind: 'repository deleted' }
);

/** A registry sends one event at a time. */
const MAX_EVENTS = 100;

const Envelope = v.object({
  events: v.pipe(
    v.array(v.object({ action: v.string(), target: v.optional(v.unknown()) })),
    v.maxLength(MAX_EVENTS, `expected at most ${MAX_EVENTS} events`),
  ),
});
/** Go leaves out what is empty, or writes it so. */
const Text = v.nullish(v.string(), '');
const Target = v.object({ repository: v.string(), mediaType: Text, digest: Text, tag: Text });

/**
 * Reads the envelope of a registry's webhook (distribution, "Notifications"). Pushed and mounted blobs, pulls and what
 * else there is change nothing that a cache holds; unknown fields are overlooked.
 * @throws RegistryError REQUEST_INVALID, NAME_INVALID, DIGEST_INVALID: nothing of it may be relied on
 */
export function parseEnvelope(text: string): Change[] {
  const { events } = parsed(Envelope, jsonIn(text));
  return events.flatMap(({ action, target }): Change[] => {
    if (action !== 'push' && action !== 'delete') return [];
    const { repository, mediaType, digest, tag } = parsed(Target, target);
    const name = parseRepositoryName(repository);
    if (tag !== '' && !isTag(tag)) throw invalid(`the tag ${quoted(tag)} is not valid`);
    // Of one that the edge cannot check it keeps nothing.
    const known = digest === '' || isForeignDigest(digest) ? undefined : parseDigest(digest);
    // What is pushed as a blob says so; all else is a manifest.
    if (action === 'push' && mediaType === BLOB_TYPE) return [];
    if (action === 'push') return [{ kind: 'manifest pushed', name, tag: tag || undefined }];
    if (digest === '' && tag === '') return [{ kind: 'repository deleted', name }];
    return [
      ...(tag === '' ? [] : [{ kind: 'tag deleted', name, tag } as const]),
      ...(known ? [{ kind: 'content deleted', name, digest: known } as const] : []),
    ];
  });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('expected JSON');
  }
}

function parsed<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [{ message, path }] = result.issues;
  throw invalid(path ? `${path.map(({ key }) => String(key)).join('.')}: ${message}` : message);
}

function invalid(what: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', { message: `not an envelope of events: ${quoted(what)}` });
}

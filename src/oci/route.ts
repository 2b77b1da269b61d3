import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';
import { parseRepositoryName, type RepositoryName } from './name.ts';
import { parseReference, type Reference } from './reference.ts';

/**
 * What a request is about, parsed once from its raw path. `path` is what the origin is asked for (without the query);
 * `search` is the client's query, byte for byte, with its `?`, or empty.
 */
export type Route = Target &
  (
    | { readonly kind: 'base' }
    | { readonly kind: 'catalog' }
    | { readonly kind: 'blob'; readonly name: RepositoryName; readonly digest: Digest }
    | { readonly kind: 'manifest'; readonly name: RepositoryName; readonly reference: Reference }
    | { readonly kind: 'upload'; readonly name: RepositoryName }
    | { readonly kind: 'tags'; readonly name: RepositoryName }
    | { readonly kind: 'referrers'; readonly name: RepositoryName; readonly digest: Digest }
    /** In a repository, but about nothing that the edge knows: a foreign digest, an extension. */
    | { readonly kind: 'foreign'; readonly name: RepositoryName }
    | { readonly kind: 'other' }
  );

/** Scheme and host of a raw URL, which need not be one that `new URL` takes. */
export function hostOf(rawUrl: string): string {
  const pathAt = rawUrl.indexOf('/', rawUrl.indexOf('://') + 3);
  return pathAt < 0 ? rawUrl : rawUrl.slice(0, pathAt);
}

/** What of a URL a registry is asked for. */
export interface Target {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
}

/** @returns path and query of a raw URL (`request.url` in workerd: `..`, `%2e` and `\` are still there) */
export function splitUrl(rawUrl: string): Target {
  const whole = rawUrl.slice(hostOf(rawUrl).length) || '/';
  const queryAt = whole.indexOf('?');
  return queryAt < 0 ? { path: whole, search: '' } : { path: whole.slice(0, queryAt), search: whole.slice(queryAt) };
}

/** What names, digests, tags and extensions are written in: nothing that two programs could read in two ways. */
const PLAIN = /^(?!\.{1,2}$)[A-Za-z0-9._:+=~@-]+$/;
/** An upload's session is the origin's own word and may be escaped, but not to hide a separator or a dot. */
const SESSION = /^(?!\.{1,2}$)(?:[A-Za-z0-9._:+=~@!$&'()*,-]|%(?!2[efEF]|5[cC]|25|00)[0-9a-fA-F]{2})*$/;

/**
 * Whether what follows `/v2/` can mean one thing only. `new URL` and `fetch` turn `/v2/a/../b` into `/v2/b`, a registry
 * decodes `blob%73` and may take `//` for `/`: such a path would be checked as one thing and answered as another.
 */
function isUnambiguous(segments: readonly string[]): boolean {
  const plain = isUpload(segments) ? segments.slice(0, -1) : segments;
  return plain.every((segment) => PLAIN.test(segment)) && (plain === segments || SESSION.test(segments.at(-1) ?? ''));
}

/** `<name>/blobs/uploads/` and what may follow it. */
function isUpload(segments: readonly string[]): boolean {
  return segments.length >= 4 && segments.at(-3) === 'blobs' && segments.at(-2) === 'uploads';
}

const PREFIX = '/v2/';

/**
 * @param at of a raw URL
 * @throws RegistryError NAME_UNKNOWN for a path that is not below `/v2/`; NAME_INVALID, DIGEST_INVALID, TAG_INVALID
 */
export function parseRoute(at: Target): Route {
  if (at.path === '/v2' || at.path === PREFIX) return { ...at, path: PREFIX, kind: 'base' };
  if (!at.path.startsWith(PREFIX)) throw new RegistryError('NAME_UNKNOWN');
  const segments = at.path.slice(PREFIX.length).split('/');
  if (!isUnambiguous(segments)) {
    throw new RegistryError('NAME_INVALID', {
      message: 'the path holds what no repository, digest or tag is written in',
      detail: { path: quoted(at.path) },
    });
  }
  if (segments.length === 1 && segments[0] === '_catalog') return { ...at, kind: 'catalog' };
  return { ...at, ...parseInRepository(segments) };
}

/**
 * A name may itself contain `blobs` or `tags`, so what is asked is read from the end.
 * Upload sessions are the origin's own words: kept as they are.
 */
function parseInRepository(segments: string[]) {
  const count = segments.length;
  const last = segments[count - 1] ?? '';
  const noun = segments[count - 2];
  const nameBefore = (words: number) => parseRepositoryName(segments.slice(0, count - words).join('/'));

  if (isUpload(segments)) return { kind: 'upload', name: nameBefore(3) } as const;
  if (count < 3) return { kind: 'other' } as const;
  switch (noun) {
    case 'blobs':
    case 'referrers': {
      if (noun === 'blobs' && last === 'uploads') return { kind: 'upload', name: nameBefore(2) } as const;
      const name = nameBefore(2);
      if (isForeignDigest(last)) return { kind: 'foreign', name } as const;
      return { kind: noun === 'blobs' ? 'blob' : 'referrers', name, digest: parseDigest(last) } as const;
    }
    case 'manifests':
      return { kind: 'manifest', name: nameBefore(2), reference: parseReference(last) } as const;
    case 'tags':
      if (last === 'list') return { kind: 'tags', name: nameBefore(2) } as const;
  }
  return { kind: 'other' } as const;
}

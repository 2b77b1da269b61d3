import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';
import { parseRepositoryName, type RepositoryName } from './name.ts';
import { isUnambiguous, normalPath, normalQuery, sessionIn } from './path.ts';
import { parseReference, type Reference } from './reference.ts';

/**
 * What a request is about, parsed once from its path. `path` is what the origin is asked for (without the query);
 * `search` is the query that goes with it, with its `?`, or empty.
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

/** What of a URL a registry is asked for. */
export interface Target {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
}

/** What stands before the request's own words in a raw URL. A target that is no path (`*`) follows without a slash. */
const BEFORE_TARGET = /^[a-z]+:\/\/[A-Za-z0-9._:[\]-]*/;

/**
 * Path and query of a raw URL, in their normal form (`request.url` in workerd: `..` and `\` are still there).
 * @param rawUrl of a request whose Host is an authority (`isAuthority`)
 */
export function splitUrl(rawUrl: string): Target {
  const target = rawUrl.slice(BEFORE_TARGET.exec(rawUrl)?.[0].length) || '/';
  const queryAt = target.indexOf('?');
  if (queryAt < 0) return { path: normalPath(target), search: '' };
  return { path: normalPath(target.slice(0, queryAt)), search: normalQuery(target.slice(queryAt)) };
}

const PREFIX = '/v2/';

/**
 * @param at as `splitUrl` gives it
 * @throws RegistryError NAME_UNKNOWN for a path that is not below `/v2/`; NAME_INVALID, DIGEST_INVALID, TAG_INVALID
 */
export function parseRoute(at: Target): Route {
  if (at.path === '/v2' || at.path === PREFIX) return { ...at, kind: 'base' };
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

  const sessionAt = sessionIn(segments);
  if (sessionAt !== undefined) return { kind: 'upload', name: nameBefore(count - sessionAt + 2) } as const;
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

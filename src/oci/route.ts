import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';
import { parseRepositoryName, type RepositoryName } from './name.ts';
import { parseReference, type Reference } from './reference.ts';

/**
 * What a request is about, parsed once from its raw path. `path` is what the origin is asked for (without the query);
 * `search` is the client's query, byte for byte, with its `?`, or empty.
 */
export type Route = { readonly path: string; readonly search: string } & (
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

/** @returns path and query of a raw URL (`request.url` in workerd: `..`, `%2e` and `\` are still there) */
export function splitUrl(rawUrl: string): { path: string; search: string } {
  const pathAt = rawUrl.indexOf('/', rawUrl.indexOf('://') + 3);
  const whole = pathAt < 0 ? '/' : rawUrl.slice(pathAt);
  const queryAt = whole.indexOf('?');
  return queryAt < 0 ? { path: whole, search: '' } : { path: whole.slice(0, queryAt), search: whole.slice(queryAt) };
}

/**
 * Whether a URL parser leaves the path as it is. `new URL` and `fetch` turn `/v2/a/../b` into `/v2/b`: such a path
 * would be checked as one thing and asked of the origin as another.
 */
export function isNormalPath(path: string): boolean {
  return new URL(path, 'http://edge.invalid').pathname === path && !path.startsWith('//');
}

const PREFIX = '/v2/';

/**
 * @param rawUrl `request.url`, whose path begins with `/v2`
 * @throws RegistryError NAME_INVALID, DIGEST_INVALID, TAG_INVALID
 */
export function parseRoute(rawUrl: string): Route {
  const at = splitUrl(rawUrl);
  if (!isNormalPath(at.path)) {
    throw new RegistryError('NAME_INVALID', {
      message: 'the path is not in its normal form',
      detail: { path: quoted(at.path) },
    });
  }
  if (at.path.length <= PREFIX.length) return { ...at, path: PREFIX, kind: 'base' };
  const segments = at.path.slice(PREFIX.length).split('/');
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

  if (count >= 4 && segments[count - 3] === 'blobs' && noun === 'uploads') {
    return { kind: 'upload', name: nameBefore(3) } as const;
  }
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

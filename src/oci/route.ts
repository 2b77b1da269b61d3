import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';
import { parseRepositoryName, type RepositoryName } from './name.ts';
import { isUnambiguous, normalPath, normalQuery, sessionIn } from './path.ts';
import { parseReference, type Reference } from './reference.ts';

/** The resource that a request is about, parsed once from its URL. */
export type Route = Target &
  (
    | { readonly kind: 'base' }
    | { readonly kind: 'catalog' }
    | { readonly kind: 'blob'; readonly name: RepositoryName; readonly digest: Digest }
    | { readonly kind: 'manifest'; readonly name: RepositoryName; readonly reference: Reference }
    | { readonly kind: 'upload'; readonly name: RepositoryName }
    | { readonly kind: 'tags'; readonly name: RepositoryName }
    | { readonly kind: 'referrers'; readonly name: RepositoryName; readonly digest: Digest }
    /** A blob or referrers in a repository by a digest that the edge cannot verify. */
    | { readonly kind: 'foreign'; readonly name: RepositoryName }
    | { readonly kind: 'other' }
  );

/** The request target: what the origin is asked for. */
export interface Target {
  /** In its normal form. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
}

/** The scheme and the host of a raw URL. A target that is not a path (`*`) follows them without a slash. */
const BEFORE_TARGET = /^[a-z]+:\/\/[A-Za-z0-9._:[\]-]*/;

/**
 * Returns path and query of a raw URL, in their normal form.
 * @param rawUrl `request.url` of workerd, which still contains `..` and `\`; its Host has to be an authority
 *   (`isAuthority`)
 */
export function splitUrl(rawUrl: string): Target {
  const target = rawUrl.slice(BEFORE_TARGET.exec(rawUrl)?.[0].length) || '/';
  const queryAt = target.indexOf('?');
  if (queryAt < 0) return { path: normalPath(target), search: '' };
  return { path: normalPath(target.slice(0, queryAt)), search: normalQuery(target.slice(queryAt)) };
}

const PREFIX = '/v2/';

/**
 * Determines the resource that a target names.
 * @param target as `splitUrl` returns it
 * @throws RegistryError NAME_UNKNOWN for a path that is not below `/v2/`; NAME_INVALID, DIGEST_INVALID, TAG_INVALID
 */
export function parseRoute(target: Target): Route {
  if (target.path === '/v2' || target.path === PREFIX) return { ...target, kind: 'base' };
  if (!target.path.startsWith(PREFIX)) throw new RegistryError('NAME_UNKNOWN');
  const segments = target.path.slice(PREFIX.length).split('/');
  if (!isUnambiguous(segments)) {
    throw new RegistryError('NAME_INVALID', {
      message: 'the path contains characters or segments that no repository, digest or tag has',
      detail: { path: quoted(target.path) },
    });
  }
  if (segments.length === 1 && segments[0] === '_catalog') return { ...target, kind: 'catalog' };
  return { ...target, ...parseInRepository(segments) };
}

/**
 * Reads the resource from the end of the path, since a name may itself contain `blobs` or `tags`. Upload sessions stay
 * as the origin wrote them.
 */
function parseInRepository(segments: string[]) {
  const count = segments.length;
  const last = segments[count - 1] ?? '';
  const noun = segments[count - 2];
  const nameBefore = (tail: number) => parseRepositoryName(segments.slice(0, count - tail).join('/'));

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

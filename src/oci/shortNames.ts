import { isRepositoryName, type RepositoryName } from './name.ts';
import { parseRoute, type Target } from './route.ts';

/** Repositories that may be named without their namespace: `busybox` is `library/busybox` at Docker Hub. */
export interface ShortNames {
  /** Returns the name at the origin; a name of several parts is one already. */
  fullName(name: RepositoryName): RepositoryName;
  /** Returns what the origin is asked for when a client asks for `target`, which is returned itself if that is it. */
  expand(target: Target): Target;
  /**
   * Names repositories in the headers of an answer as the client did.
   * @param asked what the client asked for, of which `expand` gave another target
   */
  shorten(response: Response, asked: Target): Response;
}

/** The headers that hold paths. */
const PATH_HEADERS = ['location', 'link'];
const MOUNTED_FROM = /([?&]from=)([^&]*)/g;

/** @param namespace `DEFAULT_NAMESPACE`, such as `library` */
export function createShortNames(namespace: RepositoryName): ShortNames {
  const fullName = (name: RepositoryName) => (isShort(name) ? withNamespace(name) : name);

  function withNamespace(name: RepositoryName): RepositoryName {
    const full = `${namespace}/${name}`;
    // A name that becomes too long is none at the origin, as it is none here.
    return isRepositoryName(full) ? full : name;
  }

  return {
    fullName,
    expand(target) {
      const name = shortNameIn(target);
      const search = target.search.replace(MOUNTED_FROM, (whole, key, from) => {
        const text = decoded(from);
        return isRepositoryName(text) && isShort(text) ? key + encodeURIComponent(fullName(text)) : whole;
      });
      if (!name) return search === target.search ? target : { ...target, search };
      return { path: `/v2/${fullName(name)}${target.path.slice(`/v2/${name}`.length)}`, search };
    },
    shorten(response, asked) {
      const name = shortNameIn(asked);
      const held = PATH_HEADERS.filter((header) => response.headers.has(header));
      if (!name || held.length === 0) return response;
      const full = `/v2/${fullName(name)}/`;
      const headers = new Headers(response.headers);
      for (const header of held) {
        const value = headers.get(header) ?? '';
        const isOwn = header === 'location' && value.startsWith(full);
        const short = isOwn ? `/v2/${name}/${value.slice(full.length)}` : value.replaceAll(`<${full}`, `</v2/${name}/`);
        headers.set(header, short);
      }
      return new Response(response.body, { status: response.status, headers });
    },
  };
}

function isShort(name: RepositoryName): boolean {
  return !name.includes('/');
}

/** Returns the repository's name in a target, if it is a short one. */
function shortNameIn(target: Target): RepositoryName | undefined {
  try {
    const route = parseRoute(target);
    return 'name' in route && isShort(route.name) ? route.name : undefined;
  } catch {
    // Whoever handles the target reports what is wrong with it.
    return undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

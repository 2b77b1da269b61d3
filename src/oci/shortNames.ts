import { isRepositoryName, type RepositoryName } from './name.ts';
import { parseRoute, type Route, type Target } from './route.ts';

/** Repositories that may be named without their namespace: `busybox` is `library/busybox` at Docker Hub. */
export interface ShortNames {
  /** Returns the name at the origin; a name of several parts is one already. */
  fullName(name: RepositoryName): RepositoryName;
  /** Returns what the origin is asked for when a client asks for `target`, which is returned itself if that is it. */
  expand(target: Target): Target;
  /**
   * Names the repository in `Location` and `Link` of an answer as the client did.
   * @param asked what the client asked for, of which `expand` gave another target
   */
  shorten(answer: Response, asked: Target): void;
}

const IS_MOUNT = /[?&]mount=/;
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
      const route = routeOf(target);
      if (!route || !('name' in route)) return target;
      const search =
        route.kind === 'upload' && IS_MOUNT.test(target.search) ? expandSource(target.search) : target.search;
      const name = fullName(route.name);
      if (name === route.name && search === target.search) return target;
      return { path: `/v2/${name}${target.path.slice(`/v2/${route.name}`.length)}`, search };
    },
    shorten({ headers }, asked) {
      const route = routeOf(asked);
      if (!route || !('name' in route)) return;
      const [full, short] = [`/v2/${fullName(route.name)}/`, `/v2/${route.name}/`];
      const location = headers.get('location');
      if (location?.startsWith(full)) headers.set('location', short + location.slice(full.length));
      const link = headers.get('link');
      if (link !== null) headers.set('link', link.replaceAll(`<${full}`, `<${short}`));
    },
  };

  /** Expands the repository from which a blob is mounted. */
  function expandSource(search: string): string {
    return search.replace(MOUNTED_FROM, (whole, key, from) => {
      const name = decoded(from);
      return isRepositoryName(name) && isShort(name) ? key + encodeURIComponent(fullName(name)) : whole;
    });
  }
}

function isShort(name: RepositoryName): boolean {
  return !name.includes('/');
}

/** @returns `undefined` for a target that is not valid: whoever handles it reports what is wrong */
function routeOf(target: Target): Route | undefined {
  try {
    return parseRoute(target);
  } catch {
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

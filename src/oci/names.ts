import { isRepositoryName, type RepositoryName } from './name.ts';
import { parseRoute, type Route, splitUrl, type Target } from './route.ts';

/** How clients name an upstream's repositories, where that is not as the upstream does. */
export interface Naming {
  /** `DEFAULT_NAMESPACE`, such as `library`: `busybox` is `library/busybox` at Docker Hub. */
  readonly namespace?: RepositoryName | undefined;
  /** The `PREFIX` by which the upstream was chosen: `hub/team/app` is `team/app` there. */
  readonly prefix?: RepositoryName | undefined;
  /** The host in the `?ns=` by which the upstream was chosen: what an answer names needs it, too. */
  readonly ns?: string | undefined;
  /** The hosts whose `?ns=` names the upstream's own content; with another one the namespace is another registry's. */
  readonly ownHosts?: readonly string[];
}

/** Translates the names of an upstream's repositories, both ways. */
export interface Names {
  /** Returns the upstream's own name of a repository that is named without its namespace. */
  fullName(name: RepositoryName): RepositoryName;
  /** Returns what the origin is asked for when a client asks for `target`, which is returned itself if that is it. */
  toOrigin(target: Target): Target;
  /**
   * Names repositories in `Location` and `Link` of an answer as the client does.
   * @param asked what the client asked for
   */
  toClient(answer: Response, asked: Target): void;
  /** Returns the scope of a token with the upstream's own name of its repository. */
  scopeToOrigin(scope: string): string;
}

const ROOT = '/v2/';
/** distribution, "Token Scope Documentation": `type(class):name:actions`. */
const REPOSITORY_SCOPE = /^(repository(?:\([a-z0-9]+\))?:)([^:]+)(:[^:]*)$/;

/** @returns `undefined`: clients name everything as the upstream does */
export function createNames(naming: Naming): Names | undefined {
  const { namespace, prefix, ns, ownHosts = [] } = naming;
  if (namespace === undefined && prefix === undefined && ns === undefined) return undefined;
  const root = prefix === undefined ? ROOT : `${ROOT}${prefix}/`;

  function fullName(name: RepositoryName): RepositoryName {
    const full = namespace === undefined || name.includes('/') ? name : `${namespace}/${name}`;
    // A name that becomes too long is none at the origin, as it is none here.
    return isRepositoryName(full) ? full : name;
  }

  function withoutPrefix({ path, search }: Target): Target {
    return { path: path.startsWith(root) ? ROOT + path.slice(root.length) : path, search };
  }

  /** Expands the repository from which a blob is mounted; any other query stays as it is. */
  function expandSource(search: string): string {
    const query = new URLSearchParams(search);
    const [from = '', ...others] = query.getAll('from');
    const isMount = query.has('mount') && others.length === 0 && isRepositoryName(from);
    if (!isMount || fullName(from) === from) return search;
    query.set('from', fullName(from));
    return `?${query}`;
  }

  function namesAnotherRegistry(search: string): boolean {
    const host = search.includes('=') ? new URLSearchParams(search).get('ns') : null;
    return host !== null && host !== ns && !ownHosts.includes(host);
  }

  /** Returns a path with its query as the client has to ask for it. @param route what the client asked for */
  function clientPath(path: string, route: Route | undefined): string {
    if (!path.startsWith(ROOT)) return path;
    const name = nameIn(route);
    const full = name === undefined ? '' : fullName(name);
    // The name of another repository may begin with this one.
    const isShort = path.startsWith(`${ROOT}${full}/`) && nameIn(routeOf(splitUrl(`http://edge${path}`))) === full;
    const named = root + (isShort ? name + path.slice(ROOT.length + full.length) : path.slice(ROOT.length));
    if (ns === undefined || /[?&]ns=/.test(named)) return named;
    return `${named}${named.includes('?') ? '&' : '?'}ns=${encodeURIComponent(ns)}`;
  }

  return {
    fullName,
    toOrigin(target) {
      const stripped = prefix === undefined ? target : withoutPrefix(target);
      const route = routeOf(stripped);
      if (!route || !('name' in route)) return stripped;
      if (namesAnotherRegistry(stripped.search)) return stripped;
      const search = route.kind === 'upload' ? expandSource(stripped.search) : stripped.search;
      const name = fullName(route.name);
      if (name === route.name && search === stripped.search) return stripped;
      return { path: `${ROOT}${name}${stripped.path.slice(ROOT.length + route.name.length)}`, search };
    },
    toClient({ headers }, asked) {
      const [location, link] = [headers.get('location'), headers.get('link')];
      if (location === null && link === null) return;
      const route = routeOf(withoutPrefix(asked));
      if (location !== null) headers.set('location', clientPath(location, route));
      if (link !== null) {
        headers.set(
          'link',
          link.replace(/<([^<>]*)>/g, (_whole, path) => `<${clientPath(path, route)}>`),
        );
      }
    },
    scopeToOrigin: (scope) =>
      scope.replace(REPOSITORY_SCOPE, (whole, before, name, actions) =>
        isRepositoryName(name) ? before + fullName(name) + actions : whole,
      ),
  };
}

function nameIn(route: Route | undefined): RepositoryName | undefined {
  return route && 'name' in route ? route.name : undefined;
}

/** @returns `undefined` for a target that is not valid: whoever handles it reports what is wrong */
function routeOf(target: Target): Route | undefined {
  try {
    return parseRoute(target);
  } catch {
    return undefined;
  }
}

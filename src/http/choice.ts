import type { RepositoryName } from '../oci/name.ts';
import type { Target } from '../oci/route.ts';

/** What chooses an upstream: first the host, if it names any, and then one of the others, if it names any. */
export interface ChosenBy {
  /** `HOSTS`: in lower case, with a port or without. */
  readonly hosts: readonly string[];
  /** `PREFIX`: what precedes the names of its repositories. */
  readonly prefix: RepositoryName | undefined;
  /** `NS`: the hosts by which `?ns=` chooses it. */
  readonly ns: readonly string[];
}

/** An upstream that was chosen, and how clients name its repositories therefore. */
export interface Chosen<U> {
  readonly upstream: U;
  readonly prefix?: RepositoryName;
  readonly ns?: string;
}

/** `shared`: several upstreams share the host, and the request is for none of them. */
export type Choice<U> = Chosen<U> | 'shared' | undefined;

/** The upstreams of one host, or those that name no host. */
interface Candidates<U> {
  whole: Chosen<U> | undefined;
  readonly byNs: Map<string, Chosen<U>>;
  /** With `/v2/` and a slash around the prefix, the longest first. */
  byPrefix: (readonly [start: string, chosen: Chosen<U>])[];
}

const PORT = /:[0-9]*$/;
/** The dot of the DNS root, in front of a port or not. */
const ROOT_DOT = /\.(?=$|:[0-9]*$)/;
/** What follows a name in a path: behind a prefix it leaves no name, so the prefix is a repository's whole name. */
const BEHIND_NAME = /^(?:(?:blobs|manifests|referrers)\/[^/]+|blobs\/uploads\/[^/]*\/?|tags\/list)$/;
const NS = /[?&]ns=([^&]*)/;

/**
 * Returns what chooses among upstreams by a request's host and target: of those that name the host, one by `?ns=`, by
 * the prefix of the repository's name, or the one that names only hosts; then of those that name no host in the same
 * way; and then the default one.
 */
export function createChoice<U extends { readonly chosenBy: ChosenBy }>(upstreams: readonly U[]) {
  const byHost = new Map<string, Candidates<U>>();
  for (const upstream of upstreams) {
    const { hosts } = upstream.chosenBy;
    for (const host of hosts.length > 0 ? hosts : ['']) {
      const candidates = byHost.get(host) ?? { whole: undefined, byNs: new Map(), byPrefix: [] };
      byHost.set(host, candidates);
      add(candidates, upstream);
    }
  }
  const others = byHost.get('');
  const [only] = upstreams;
  const isSingle = upstreams.length === 1 && only?.chosenBy.hosts.length === 0 && others?.whole !== undefined;

  /** @param host as the `Host` header gives it */
  return (host: string, target: Target): Choice<U> => {
    if (isSingle) return others.whole;
    const name = host.toLowerCase().replace(ROOT_DOT, '');
    const ofHost = byHost.get(name) ?? byHost.get(name.replace(PORT, ''));
    const chosen = (ofHost && among(ofHost, target)) ?? (others && among(others, target));
    if (chosen) return chosen;
    return ofHost || others ? 'shared' : undefined;
  };
}

function add<U extends { readonly chosenBy: ChosenBy }>(candidates: Candidates<U>, upstream: U): void {
  const { prefix, ns } = upstream.chosenBy;
  if (prefix === undefined && ns.length === 0) candidates.whole = { upstream };
  for (const host of ns) candidates.byNs.set(host, { upstream, ns: host });
  if (prefix === undefined) return;
  candidates.byPrefix.push([`/v2/${prefix}/`, { upstream, prefix }]);
  candidates.byPrefix.sort(([one], [other]) => other.length - one.length);
}

function among<U>({ byNs, byPrefix, whole }: Candidates<U>, { path, search }: Target): Chosen<U> | undefined {
  const ns = byNs.size > 0 ? hostIn(search) : undefined;
  const named = ns === undefined ? undefined : byNs.get(ns);
  return named ?? byPrefix.find(([start]) => isBelow(path, start))?.[1] ?? whole;
}

function isBelow(path: string, start: string): boolean {
  return path.startsWith(start) && !BEHIND_NAME.test(path.slice(start.length));
}

/** Returns the host in `?ns=`, which clients write with the escape of the colon or without. */
function hostIn(search: string): string | undefined {
  const [, ns] = NS.exec(search) ?? [];
  return ns?.replace(/%3a/i, ':').toLowerCase();
}

import { callerHeaders } from '../http/headers.ts';
import { isRedirect } from '../http/redirects.ts';
import { isFromCache, isPage } from './confirmation.ts';
import type { OriginResponse } from './origin.ts';
import { MAX_REDIRECTS, type RedirectPolicy, redirectTarget } from './redirect.ts';

export interface ManifestRedirects {
  readonly redirects: RedirectPolicy;
  /** Asks a redirect's target the same, as nobody. @throws RegistryError ORIGIN_UNREACHABLE */
  follow(url: URL): Promise<OriginResponse>;
}

/** What the target says of the manifest. */
const MANIFEST_HEADERS = ['content-encoding', 'content-length', 'content-type', 'docker-content-digest'];
/** Whether a cache on the way has said it. */
const CACHE_HEADERS = ['age', 'cache-status', 'cf-cache-status'];

/**
 * Follows the redirect of a manifest, for an edge that asks as nobody: some registries only lead to others
 * (registry.k8s.io), and whoever may ask the first may ask the second. Where the caller is judged, the redirect is the
 * client's to follow.
 * @returns the manifest, with the origin's own headers for everybody; the redirect itself where that leads to none
 */
export async function followManifest(
  first: OriginResponse,
  from: URL,
  { redirects, follow }: ManifestRedirects,
): Promise<OriginResponse> {
  let { response } = first;
  /** A redirect that a cache remembers may lead to where a tag pointed before. */
  let fromCache = isFromCache(response) ? response : undefined;
  const giveUp = async () => {
    if (response !== first.response) await response.body?.cancel();
    return first;
  };
  const trail = [from];
  for (let hop = 0; hop < MAX_REDIRECTS && isRedirect(response); hop++) {
    const target = redirectTarget(response, trail.at(-1) ?? from, redirects);
    if (!target || trail.some(({ href }) => href === target.href)) return giveUp();
    trail.push(target);
    const next = await follow(target).catch(() => undefined);
    if (!next) return giveUp();
    if (response !== first.response) await response.body?.cancel();
    response = next.response;
    fromCache ??= isFromCache(response) ? response : undefined;
  }
  if (response.status !== 200 || isPage(response)) return giveUp();
  await first.response.body?.cancel();
  const headers = new Headers(callerHeaders(first.response.headers));
  copyHeaders(MANIFEST_HEADERS, response.headers, headers);
  if (fromCache) copyHeaders(CACHE_HEADERS, fromCache.headers, headers);
  return { response: new Response(response.body, { status: response.status, headers }), sentAt: first.sentAt };
}

function copyHeaders(names: readonly string[], from: Headers, to: Headers): void {
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) to.set(name, value);
  }
}

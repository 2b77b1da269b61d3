import { callerHeaders } from '../http/headers.ts';
import { isRedirect } from '../http/redirects.ts';
import { isPage } from './confirmation.ts';
import type { OriginResponse } from './origin.ts';
import { MAX_REDIRECTS, type RedirectPolicy, redirectTarget } from './redirect.ts';

export interface ManifestRedirects {
  readonly redirects: RedirectPolicy;
  /** Asks a redirect's target the same, as nobody. @throws RegistryError ORIGIN_UNREACHABLE */
  follow(url: URL): Promise<OriginResponse>;
}

/** What the target says of the manifest, and whether a cache on the way has said it. */
const MANIFEST_HEADERS = [
  ...['content-encoding', 'content-length', 'content-type', 'docker-content-digest'],
  ...['age', 'cache-status', 'cf-cache-status'],
];

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
  const trail = [from];
  for (let hop = 0; hop < MAX_REDIRECTS && isRedirect(response); hop++) {
    const target = redirectTarget(response, trail.at(-1) ?? from, redirects);
    if (!target || trail.some(({ href }) => href === target.href)) return first;
    trail.push(target);
    if (response !== first.response) await response.body?.cancel();
    const next = await follow(target).catch(() => undefined);
    if (!next) return first;
    response = next.response;
  }
  if (response.status !== 200 || isPage(response)) {
    if (response !== first.response) await response.body?.cancel();
    return first;
  }
  await first.response.body?.cancel();
  const headers = new Headers(callerHeaders(first.response.headers));
  for (const name of MANIFEST_HEADERS) {
    const value = response.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return { response: new Response(response.body, { status: response.status, headers }), sentAt: first.sentAt };
}

import type { UpstreamConfig } from '../../src/config/upstream.ts';
import { isLoopbackHost, isPrivateHost } from '../../src/http/hosts.ts';
import { isSchemeRedirect } from '../../src/http/location.ts';
import { isRedirect } from '../../src/http/redirects.ts';
import { isFromCache, isPage } from '../../src/origin/confirmation.ts';
import type { Asking } from './asking.ts';
import { checkChallenge } from './challenge.ts';
import { advice, type Finding, ok, problem } from './finding.ts';
import { describeFailure } from './unreachable.ts';

const BASE = { path: '/v2/', search: '' };

/** Asks the origin whether it is a registry, and how it wants to be asked. */
export async function checkOrigin(asking: Asking): Promise<Finding[]> {
  const { originUrl: url } = asking.upstream;
  const place = judgePlace(url);
  try {
    const { response } = await asking.bare.send(asking.context(), BASE.path, { method: 'GET' });
    await response.body?.cancel();
    const disturbance = judgeWay(asking, response);
    return [...place, ...(disturbance ? [disturbance] : await judgeAnswer(asking, response))];
  } catch (error) {
    return [...place, describeFailure(error, `ORIGIN_URL: ${url.host}`)];
  }
}

/** On this machine everything may be private. */
function judgePlace({ hostname, host }: URL): Finding[] {
  if (!isPrivateHost(hostname) || isLoopbackHost(hostname)) return [];
  const says = `ORIGIN_URL: ${host} is not on the Internet, so only an edge in the same network reaches it`;
  return [advice(says, 'publish it before you deploy, for example by a tunnel')];
}

const REACH_REGISTRY = 'let the edge reach the registry without signing on, or set ORIGIN_URL to the registry itself';

/** Says what is between edge and registry, or in the registry's place. */
function judgeWay({ upstream }: Asking, response: Response): Finding | undefined {
  const { host } = upstream.originUrl;
  if (isRedirect(response)) return judgeRedirect(upstream, response);
  if (isPage(response)) {
    const says = `ORIGIN_URL: ${host} answers with a page for people (HTML, status ${response.status})`;
    return problem(`${says}, perhaps for signing on, and not as a registry`, REACH_REGISTRY);
  }
  if (!isFromCache(response)) return undefined;
  const says = `a cache answers in front of ${host} (Age, CF-Cache-Status or Cache-Status)`;
  return problem(
    `${says}: what it says confirms nothing, so nothing is ever a hit`,
    'switch it off for /v2/, or set ORIGIN_URL to the registry itself',
  );
}

function judgeRedirect({ originUrl: url, clientAuth }: UpstreamConfig, response: Response): Finding {
  if (isSchemeRedirect(BASE, url, response)) {
    const other = url.protocol === 'https:' ? 'http' : 'https';
    const says = `ORIGIN_URL: ${url.host} redirects to ${other}, so clients would leave the edge`;
    return problem(says, `change its scheme to ${other}`);
  }
  const { host, origin, pathname } = new URL(response.headers.get('location') ?? '', url);
  if (!/^\/v2\/?$/.test(pathname)) {
    const says = `ORIGIN_URL: ${url.host} redirects to another page, perhaps for signing on, at ${host}`;
    return problem(says, REACH_REGISTRY);
  }
  if (clientAuth !== 'origin') return ok(`the origin leads to other registries, such as ${host}`);
  return problem(`ORIGIN_URL: ${url.host} redirects to another registry, at ${host}`, `set ORIGIN_URL to ${origin}`);
}

async function judgeAnswer(asking: Asking, { status, headers }: Response): Promise<Finding[]> {
  const { originUrl: url } = asking.upstream;
  switch (status) {
    case 200:
      return [ok(`${url.host} answers /v2/ without a login`)];
    case 401:
      return checkChallenge(asking, headers.get('www-authenticate'));
    default:
      return [judgeFailure(url, status)];
  }
}

function judgeFailure({ href, host }: URL, status: number): Finding {
  switch (status) {
    case 404: {
      const says = `ORIGIN_URL: ${href} has no registry: /v2/ is not found there`;
      return problem(says, 'set it to the base URL of the registry, without /v2');
    }
    case 429:
      return problem(`${host} has had too many requests (429)`, 'wait, or give the edge an account (ORIGIN_ACCOUNT)');
    case 508:
      return problem(`ORIGIN_URL: ${host} leads back to this edge`, 'set it to the address of the registry itself');
    default: {
      const says = `${host} answers /v2/ with ${status}`;
      return problem(says, 'look after the registry, or set ORIGIN_URL to another address');
    }
  }
}

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

/** Says what is between edge and registry, or in the registry's place. */
function judgeWay({ upstream }: Asking, response: Response): Finding | undefined {
  const { originUrl: url, clientAuth } = upstream;
  const host = url.host;
  if (isRedirect(response)) {
    if (isSchemeRedirect(BASE, url, response)) {
      const other = url.protocol === 'https:' ? 'http' : 'https';
      const says = `ORIGIN_URL: ${host} redirects to ${other}, so clients would leave the edge`;
      return problem(says, `change its scheme to ${other}`);
    }
    const target = new URL(response.headers.get('location') ?? '', url);
    const leadsToRegistry = /^\/v2\/?$/.test(target.pathname);
    if (leadsToRegistry && clientAuth !== 'origin')
      return ok(`the origin leads to other registries, such as ${target.host}`);
    const change = leadsToRegistry
      ? `set ORIGIN_URL to ${target.origin}`
      : 'let the edge reach the registry without signing on, or set ORIGIN_URL to the registry itself';
    const what = leadsToRegistry
      ? 'redirects to another registry'
      : 'redirects to another page, perhaps for signing on';
    return problem(`ORIGIN_URL: ${host} ${what}, at ${target.host}`, change);
  }
  if (isPage(response)) {
    return problem(
      `ORIGIN_URL: ${host} answers with a page for people (HTML, status ${response.status}), perhaps for signing on, and not as a registry`,
      'let the edge reach the registry without signing on, or set ORIGIN_URL to the registry itself',
    );
  }
  if (!isFromCache(response)) return undefined;
  return problem(
    `a cache answers in front of ${host} (Age, CF-Cache-Status or Cache-Status): what it says confirms nothing, so nothing is ever a hit`,
    'switch it off for /v2/, or set ORIGIN_URL to the registry itself',
  );
}

async function judgeAnswer(asking: Asking, response: Response): Promise<Finding[]> {
  const { originUrl: url } = asking.upstream;
  switch (response.status) {
    case 200:
      return [ok(`${url.host} answers /v2/ without a login`)];
    case 401:
      return checkChallenge(asking, response.headers.get('www-authenticate'));
    case 404:
      return [
        problem(
          `ORIGIN_URL: ${url.href} has no registry: /v2/ is not found there`,
          'set it to the base URL of the registry, without /v2',
        ),
      ];
    case 429:
      return [
        problem(`${url.host} has had too many requests (429)`, 'wait, or give the edge an account (ORIGIN_ACCOUNT)'),
      ];
    case 508:
      return [
        problem(`ORIGIN_URL: ${url.host} leads back to this edge`, 'set it to the address of the registry itself'),
      ];
    default:
      return [
        problem(
          `${url.host} answers /v2/ with ${response.status}`,
          'look after the registry, or set ORIGIN_URL to another address',
        ),
      ];
  }
}

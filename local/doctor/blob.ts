import { isRedirect } from '../../src/http/redirects.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { isPage } from '../../src/origin/confirmation.ts';
import type { ContentStat } from '../../src/origin/origin.ts';
import { redirectTarget } from '../../src/origin/redirect.ts';
import { advice, type Finding, ok, problem } from './finding.ts';
import type { Subject } from './subject.ts';

/** Asks for a blob by HEAD and by GET, and says whether the answer can be kept, and to where the bytes lead. */
export async function checkBlob(subject: Subject, digest: Digest): Promise<Finding[]> {
  const { asking, base, authorization } = subject;
  const path = `${base}blobs/${digest}`;
  const url = new URL(asking.upstream.originUrl.href.replace(/\/$/, '') + path);
  const stat = await asking.origin.statBlob(asking.context(authorization), { path, search: '', digest });
  await stat.response.body?.cancel();
  const byHead = stat.found ? await judgeFound(subject, stat, path, digest) : judgeNotFound(subject, stat, url);
  const request = { method: 'GET', as: 'question', accept: '*/*' } as const;
  const { response } = await asking.origin.send(asking.context(authorization), path, request);
  await response.body?.cancel();
  return [byHead, ...(isRedirect(response) ? [judgeRedirect(subject, response, url)] : [])];
}

async function judgeFound(
  { asking, authorization }: Subject,
  { found, response }: ContentStat,
  path: string,
  digest: Digest,
): Promise<Finding> {
  const good = ok('the HEAD of a blob says its size, so it can be answered from the cache');
  if (!found) return good;
  if (!found.isFirstHand) {
    const says =
      'a cache on the way answers the HEAD of a blob: what it says confirms nothing, so nothing is ever a hit';
    return problem(says, 'switch it off for /v2/');
  }
  if (found.isDirect || found.isFromStorage) return good;
  const { entry, place } = found;
  const { size } = entry.descriptor;
  const examined =
    place &&
    (await asking.origin.examineStorage(asking.context(authorization), { path, search: '', digest, size, place }));
  if (examined?.isStorage) return ok(`HEADs of blobs redirect to ${place?.host}, which is the storage of the origin`);
  const host = place?.host ?? new URL(response.headers.get('location') ?? '', asking.upstream.originUrl).host;
  const says = `HEADs of blobs redirect to ${host}, of which the edge could not find out that it is the origin's storage: its answers prove no access`;
  return advice(says, `if it is, set REDIRECT_HOSTS=${host.replace(/:\d+$/, '')}; otherwise callers stay unproven`);
}

function judgeNotFound(subject: Subject, { response, isLost }: ContentStat, url: URL): Finding {
  if (isRedirect(response)) return judgeUnresolved(judgeRedirect(subject, response, url), isLost ?? false);
  if (isPage(response)) {
    const says = `the HEAD of a blob is answered with a page for people (HTML, status ${response.status})`;
    return problem(says, 'let the edge reach the registry without signing on');
  }
  const says = `the HEAD of a blob (status ${response.status}) does not say its size, so it is never a hit`;
  return problem(says, 'look for a proxy in front of the registry that compresses, or removes Content-Length');
}

/** Says why a redirect of a HEAD, which the edge may follow, has brought nothing. */
function judgeUnresolved(way: Finding, isLost: boolean): Finding {
  if (way.level !== 'ok') return way;
  if (isLost) return problem('HEADs of blobs redirect to storage that does not have the blob (404)', 'push it again');
  const says = 'HEADs of blobs redirect to storage that does not say their size, so they are never hits';
  return problem(says, 'let the storage answer a GET of one byte as the registry has signed it');
}

/** Judges to where clients are sent for the bytes. */
function judgeRedirect({ asking: { upstream } }: Subject, response: Response, url: URL): Finding {
  const { redirectHosts, originUrl, blobRedirect } = upstream;
  const target = redirectTarget(response, url, { origin: originUrl, hosts: redirectHosts });
  const location = response.headers.get('location') ?? '';
  const { host, hostname } = new URL(location, url);
  if (target) {
    const way = blobRedirect === 'pass' ? 'clients fetch them there' : 'the edge fetches them there';
    return ok(`the bytes of blobs are at ${host}, and ${way} (BLOB_REDIRECT)`);
  }
  const says = `blobs redirect to ${host}, where the edge may not follow`;
  if (redirectHosts === undefined) {
    return problem(
      `${says}, since that is no public https address`,
      'let the registry redirect to one, or serve blobs itself',
    );
  }
  return problem(says, `if it is the storage of the origin, set REDIRECT_HOSTS=${[...redirectHosts, hostname]}`);
}

import { isRedirect } from '../../src/http/redirects.ts';
import { isFromCache, isPage } from '../../src/origin/confirmation.ts';
import { problemsIn } from './configuration.ts';
import { advice, type Finding, ok, problem } from './finding.ts';
import { describeFailure } from './unreachable.ts';

const TIMEOUT_MS = 10_000;

/** Asks a running edge for `/v2/`, and for its version where a token for operators is at hand. */
export async function checkEdge(url: string, adminToken: string | undefined): Promise<Finding[]> {
  const { host } = new URL(url);
  try {
    const response = await fetch(`${url}/v2/`, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = await response.text();
    const finding = judge(host, response);
    if (finding) return [finding];
    if (response.status === 503 && body.includes('configuration of registry-edge')) return problemsIn(messageIn(body));
    const judged = judgeStatus(host, response);
    // The token is not shown to whatever else may be there.
    const isEdge = judged.every(({ level }) => level === 'ok');
    return [...judged, ...(adminToken && isEdge ? await askVersion(url, adminToken) : [])];
  } catch (error) {
    return [describeFailure(error, host)];
  }
}

function judge(host: string, response: Response): Finding | undefined {
  if (isRedirect(response) || isPage(response)) {
    const says = `${host} answers /v2/ with a page or a redirect (status ${response.status}), perhaps for signing on: no registry client gets past it`;
    return problem(
      says,
      'let /v2/ through (with Cloudflare Access: a policy of the kind Bypass), or correct the address',
    );
  }
  const headers = new Headers(response.headers);
  // What the edge says of itself is no cache on the way.
  headers.delete('cache-status');
  if (!isFromCache({ headers })) return undefined;
  const says = `a cache answers in front of ${host}: the edge can neither judge who asks nor see what is deleted`;
  return problem(says, 'remove the Cache Rule of the zone for this hostname, and switch Workers Cache off');
}

function judgeStatus(host: string, { status, headers }: Response): Finding[] {
  if (status === 200 || status === 401) {
    const how = status === 200 ? 'without a login' : 'with a login';
    const version = headers.get('docker-distribution-api-version');
    if (version) return [ok(`${host} is a registry, ${how}`)];
    return [problem(`${host} does not answer as a registry`, 'correct the address in --edge')];
  }
  if (status === 508)
    return [problem('ORIGIN_URL leads back to the edge', 'set it to the address of the registry itself')];
  if (status === 502) return [problem(`${host} cannot reach its origin (502)`, 'run npm run doctor without --edge')];
  if (status === 404) {
    // With several upstreams, what is left may be nobody's.
    return [problem(`${host} has no registry at /v2/ (404)`, 'correct the address, or ORIGIN_URL of the edge')];
  }
  return [problem(`${host} answers /v2/ with ${status}`, 'look into the log of the edge')];
}

/** Returns the message of an OCI error. */
function messageIn(body: string): string {
  try {
    return (JSON.parse(body) as { errors: { message: string }[] }).errors[0]?.message ?? '';
  } catch {
    return '';
  }
}

async function askVersion(url: string, adminToken: string): Promise<Finding[]> {
  const response = await fetch(`${url}/_edge/version`, {
    headers: { authorization: `Bearer ${adminToken}` },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body = await response.text();
  if (response.status === 401) return [problem('ADMIN_TOKEN: the edge refuses it', 'set that of the deployed edge')];
  const version = response.ok ? /"version":\s*"([\w.+-]+)"/.exec(body)?.[1] : undefined;
  if (version) return [ok(`it is registry-edge ${version}`)];
  const says = `it does not say its version (${response.status}): it is no registry-edge, or one without ADMIN_TOKEN`;
  return [advice(says, 'correct the address in --edge, or run npx wrangler secret put ADMIN_TOKEN')];
}

import { afterEach, describe, expect, it } from 'vitest';
import { createAsking } from '../../local/doctor/asking.ts';
import { checkBlob } from '../../local/doctor/blob.ts';
import { checkDeletes } from '../../local/doctor/deletes.ts';
import { checkEdge } from '../../local/doctor/edge.ts';
import { expectHits } from '../../local/doctor/expectations.ts';
import { checkReferrers } from '../../local/doctor/image.ts';
import type { Subject } from '../../local/doctor/subject.ts';
import { parseEdgeUrl } from '../../local/edgeUrl.ts';
import { type Served, serveLocally } from '../../local/serve.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { Digest } from '../../src/oci/digest.ts';

const ADMIN_TOKEN = 'the-operators-token';
const DIGEST = `sha256:${'1'.repeat(64)}` as Digest;

const servers: Served[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(answer: (request: Request) => Response) {
  const requests: Request[] = [];
  const server = await serveLocally((request) => {
    requests.push(request);
    return answer(request);
  });
  servers.push(server);
  return { url: server.url, requests };
}

/** A repository of an origin that answers every request in this way. */
async function subjectOf(answer: (request: Request) => Response): Promise<Subject> {
  const { url } = await start(answer);
  const { upstreams } = parseConfig({ ORIGIN_URL: url, BLOBDESCRIPTOR: 'inmemory' }, BACKENDS);
  return { asking: createAsking(upstreams[0]), base: '/v2/team/app/', name: 'team/app', authorization: undefined };
}

describe('the address of a running edge', () => {
  it.each([
    ['https://edge.example.com/', 'https://edge.example.com'],
    ['https://edge.example.com/v2/', 'https://edge.example.com'],
    ['http://127.0.0.1:8787', 'http://127.0.0.1:8787'],
  ])('may be %s', (text, url) => {
    expect(parseEdgeUrl(text)).toBe(url);
  });

  it.each([
    'http://edge.example.com',
    'http://10.0.0.1:8787',
    'edge.example.com',
    'ftp://edge.example.com',
    'https://user:hunter2@edge.example.com',
    'https://edge.example.com/?token=hunter2',
  ])('is refused before a secret is sent or shown: %s', (text) => {
    expect(() => parseEdgeUrl(text)).toThrow(/^--edge: expected a URL with(?!.*hunter2)/);
  });
});

describe('the token for operators', () => {
  it.each([
    ['no registry', 404, {}, 0],
    ['a server of another kind', 200, {}, 0],
    ['a failing server', 500, {}, 0],
    ['a registry', 401, { 'docker-distribution-api-version': 'registry/2.0' }, 1],
  ])('is sent to %s: %i %j: %i times', async (_what, status, headers, times) => {
    const { url, requests } = await start(() => new Response('', { status, headers }));
    await checkEdge(url, ADMIN_TOKEN);
    const sent = requests.filter((request) => request.headers.get('authorization')?.includes(ADMIN_TOKEN));
    expect(sent.length).toBe(times);
  });

  it('is said to be of no use at a registry that is no edge', async () => {
    const headers = { 'docker-distribution-api-version': 'registry/2.0' };
    const { url } = await start(
      ({ url: asked }) => new Response('{}', { status: asked.endsWith('/v2/') ? 200 : 404, headers }),
    );
    const [registry, version] = await checkEdge(url, ADMIN_TOKEN);
    expect(registry?.level).toBe('ok');
    expect(version).toMatchObject({ level: 'advice', says: expect.stringContaining('it is no registry-edge, or one') });
  });
});

describe('tokens for different purposes', () => {
  const OTHERS = { ADMIN_TOKEN, EVENTS_TOKEN: 'the-token-of-events', METRICS_TOKEN: 'the-token-of-metrics' };
  const problemsOf = (tokens: Readonly<Record<string, string>>) => {
    const config = parseConfig({ ORIGIN_URL: 'http://127.0.0.1', REPOSITORIES: {}, METRICS: {}, ...tokens }, BACKENDS);
    return expectHits(config).flatMap(({ level, says }) => (level === 'problem' ? says : []));
  };

  it.each([
    ['EVENTS_TOKEN', 'ADMIN_TOKEN'],
    ['METRICS_TOKEN', 'ADMIN_TOKEN'],
    ['METRICS_TOKEN', 'EVENTS_TOKEN'],
  ] as const)('the %s that is also the %s is a problem', (one, other) => {
    expect(problemsOf({ ...OTHERS, [one]: OTHERS[other] })).toEqual([
      expect.stringContaining(`${one} is also the ${other}`),
    ]);
  });

  it('are no problem if each is one of its own', () => {
    expect(problemsOf(OTHERS)).toEqual([]);
  });
});

describe('what the doctor says of an origin', () => {
  const redirecting = (answer: (request: Request) => Response) => (request: Request) =>
    new URL(request.url).pathname.startsWith('/store/')
      ? answer(request)
      : new Response(null, { status: 307, headers: { location: `${new URL(request.url).origin}/store/1` } });

  it.each([
    ['does not have the blob', 404, /does not have the blob/],
    ['does not say its size', 403, /does not say their size/],
  ])('a redirect to storage that %s is a problem', async (_what, status, named) => {
    const subject = await subjectOf(redirecting(() => new Response(null, { status })));
    const [head] = await checkBlob(subject, DIGEST);
    expect(head).toMatchObject({ level: 'problem', says: expect.stringMatching(named) });
  });

  it.each([
    [200, /has the referrers API/],
    [404, /has no referrers API/],
    [403, /not known/],
    [503, /not known/],
  ])('a question for referrers that is answered with %i', async (status, named) => {
    const subject = await subjectOf(() => new Response('{}', { status }));
    const findings = await checkReferrers(subject, DIGEST);
    expect(findings.map(({ says }) => says)).toEqual([expect.stringMatching(named)]);
  });

  it.each([
    [202, /the origin deletes blobs/],
    [404, /the origin deletes blobs/],
    [405, /deletes no blobs/],
    [403, /not known/],
    [429, /not known/],
    [503, /not known/],
  ])('a DELETE that is answered with %i', async (status, named) => {
    const subject = await subjectOf(({ method }) => new Response(null, { status: method === 'DELETE' ? status : 200 }));
    expect((await checkDeletes(subject)).map(({ says }) => says)).toEqual([expect.stringMatching(named)]);
  });
});

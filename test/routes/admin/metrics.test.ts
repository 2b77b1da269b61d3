import { describe, expect, it, vi } from 'vitest';
import { createClock } from '../../support/context.ts';
import { createEdge, type Edge, type EdgeOptions } from '../../support/edge.ts';
import { OPEN } from '../../support/failingEdge.ts';
import { instantMetrics, METRICS_TOKEN, metricsObject, SCRAPER, samplesOf } from '../../support/metrics.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { pushBlob } from '../../support/push.ts';
import { manifestRequest, pushManifest } from '../../support/pushManifest.ts';
import { byPut, newBlob } from '../../support/uploading.ts';
import { usersWith } from '../../support/users.ts';

const HEAD = { method: 'HEAD' };
const PATH = '/_edge/metrics';

/** Creates isolates that share an object for their counts, and one clock. */
function isolates(variables: Record<string, string> = {}, options: EdgeOptions = {}) {
  const [clock, metrics] = [createClock(Date.now()), metricsObject()];
  const create = () => createEdge({ METRICS_TOKEN, ...variables }, { clock, metrics, ...options });
  const [one, other] = [create(), create()];
  /** Sends a request; a second later the object stores what comes at once. */
  async function ask(edge: Edge, path: string, init?: RequestInit) {
    clock.advance(1_000);
    const response = await edge.fetch(path, init);
    await response.arrayBuffer();
    return response;
  }
  /** Reads the samples whose name begins so, without what scrapes have caused. */
  async function samples(prefix: string, edge = other) {
    const text = await (await edge.fetch(PATH, SCRAPER)).text();
    const all = [...samplesOf(text)].filter(([key]) => key.startsWith(prefix) && !key.includes('handler="edge"'));
    return Object.fromEntries(all.map(([key, value]) => [key.slice(prefix.length).replace('upstream="",', ''), value]));
  }
  return { one, other, clock, ask, samples };
}

describe('/_edge/metrics', () => {
  it('has every request of all isolates exactly once, and what came after the reply', async () => {
    const { one, other, clock, ask, samples } = isolates();
    const [blob, uploaded] = [await pushBlob(), await newBlob()];
    for (const edge of [one, one, other, other, one]) await ask(edge, blob.path, HEAD);
    await ask(other, blob.path.replace(/.{4}$/, '0000'), HEAD);
    clock.advance(1_000);
    await (await byPut(one, uploaded)).over;
    expect(await samples('registry_http_requests_total')).toEqual({
      '{handler="blob",method="head",code="200",cache="unproven"}': 2,
      '{handler="blob",method="head",code="200",cache="hit"}': 3,
      '{handler="blob",method="head",code="404",cache="miss"}': 1,
      '{handler="blob_upload",method="post",code="202",cache="bypass"}': 1,
      '{handler="blob_upload_chunk",method="put",code="201",cache="bypass"}': 1,
    });
    expect(await samples('registry_edge_forwards_total')).toEqual({
      '{reason="miss",detail="unproven"}': 2,
      '{reason="miss",detail=""}': 1,
      '{reason="bypass",detail=""}': 2,
    });
    expect(await samples('registry_edge_write_backs_total')).toMatchObject({ '{outcome="done"}': 2 });
    expect(await samples('registry_edge_received_bytes_total')).toEqual({
      '{handler="blob_upload_chunk"}': uploaded.bytes.length,
    });
    expect(await samples('registry_edge_saved_origin_requests_total')).toEqual({ '{handler="blob",method="head"}': 3 });
    expect(await samples('registry_edge_repository_requests')).toEqual({
      [`{repository="${blob.name}"}`]: 5,
      [`{repository="${uploaded.name}"}`]: 2,
    });
    // The second scrape of the other isolate read the same: nothing is reset.
    expect(await samples('registry_http_requests_total{upstream="",handler="blob",method="head",code="404"')).toEqual({
      ',cache="miss"}': 1,
    });
  });

  it('counts GETs of manifests as a pull-through cache does, and their bytes', async () => {
    const { one, ask, samples } = isolates({ ...OPEN });
    const manifest = await pushManifest();
    for (let n = 0; n < 3; n++) await ask(one, manifest.path, manifestRequest('GET'));
    const bytes = manifest.bytes.length;
    expect(await samples('registry_proxy_')).toEqual({
      'requests_total{type="manifest"}': 3,
      'hits_total{type="manifest"}': 2,
      'misses_total{type="manifest"}': 1,
      'pulled_bytes_total{type="manifest"}': bytes,
      'pushed_bytes_total{type="manifest"}': 3 * bytes,
    });
    expect(await samples('registry_edge_saved_origin_bytes_total')).toEqual({
      '{handler="manifest",method="get"}': 2 * bytes,
    });
  });

  it('names users, and of everybody else the kind of client', async () => {
    const { variables, logins } = await usersWith({ alice: { pull: ['**'] } });
    const { one, ask, samples } = isolates(variables);
    const blob = await pushBlob();
    await ask(one, blob.path, { headers: logins.alice });
    const agents = [
      'docker/29.1 go/go1.26 (linux)',
      'containerd/2.2',
      'made up by a stranger',
      `x${'y'.repeat(5_000)}`,
    ];
    for (const agent of agents) await ask(one, blob.path, { headers: { 'user-agent': agent } });
    expect(await samples('registry_edge_client_requests')).toMatchObject({
      ...{ '{client="user alice"}': 1, '{client="docker"}': 1, '{client="containerd"}': 1 },
    });
    const text = await (await one.fetch(PATH, SCRAPER)).text();
    for (const secret of [...Object.values(logins.alice), 'stranger', 'yyy']) expect(text).not.toContain(secret);
  });

  it('says how many pulls are left, in front of an origin that counts them', async () => {
    const { one, ask, samples } = isolates({ ...OPEN, UPSTREAM_BUDGET: '100/6h' }, { alias: `m-${Date.now()}` });
    expect(await samples('registry_edge_pulls_left')).toEqual({});
    await ask(one, (await pushManifest()).tagPath, manifestRequest('GET'));
    expect(Object.values(await samples('registry_edge_pulls_left'))).toEqual([99]);
  });

  it('is a 503 while the object does not answer, and requests are answered all the same', async () => {
    const broken = { add: () => Promise.reject(new Error('gone')), totals: () => Promise.reject(new Error('gone')) };
    const edge = createEdge({ METRICS_TOKEN }, { metrics: broken as never });
    const blob = await pushBlob();
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    expect((await edge.fetch(PATH, SCRAPER)).status).toBe(503);
    expect(edge.log.filter((line) => line.includes('could not be delivered')).length).toBeGreaterThan(0);
  });

  it('is a 503 while the object says nothing', async () => {
    const edge = createEdge(
      { METRICS_TOKEN },
      { metrics: { ...instantMetrics(), totals: () => new Promise(() => {}) } },
    );
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { answer } = edge.send(PATH, SCRAPER);
      await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
      await vi.advanceTimersByTimeAsync(5_000);
      expect((await answer).status).toBe(503);
    } finally {
      vi.useRealTimers();
    }
  });

  it('writes a row for each request to Analytics Engine, where that is bound', async () => {
    const rows: unknown[] = [];
    const edge = createEdge({}, { analytics: { writeDataPoint: (row) => rows.push(row) } });
    const blob = await pushBlob();
    await edge.fetch(blob.path, { ...HEAD, headers: { 'user-agent': 'podman/5' } });
    await edge.fetch(`${blob.path}0`, HEAD);
    expect(rows).toEqual([
      {
        indexes: [''],
        blobs: ['', 'blob', 'HEAD', '200', 'unproven', 'unproven', '', blob.name, 'podman'],
        doubles: [0, 0, 0, 0, 1, 0, 0],
      },
      expect.objectContaining({ blobs: ['', 'other', 'HEAD', '400', 'none', '', '', '', 'other'] }),
    ]);
  });

  it('answers all the same where no row can be written, and says so', async () => {
    const writeDataPoint = () => {
      throw new TypeError('the data set is full');
    };
    const edge = createEdge({}, { analytics: { writeDataPoint } });
    const { path } = await pushBlob();
    for (const init of [HEAD, {}]) expect((await edge.fetch(path, init)).status).toBe(200);
    const lines = edge.log.filter((line) => line.includes('could not be counted'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', error: 'TypeError' }, {}]);
  });
});

describe.each([PATH, '/_edge/version'])('%s', (path) => {
  const statusOf = async (edge: Edge, headers: Record<string, string> = {}, method = 'GET') =>
    (await edge.fetch(path, { method, headers })).status;

  it('is a 404 without a token in the configuration, whatever a stranger sends', async () => {
    const edge = createEdge();
    for (const headers of [{}, SCRAPER.headers, { authorization: 'Bearer undefined' }, { authorization: 'Bearer ' }]) {
      expect(await statusOf(edge, headers)).toBe(404);
    }
  });

  it('is a 401 without the right token, and tells nothing', async () => {
    const edge = createEdge({ METRICS_TOKEN, ADMIN_TOKEN }, { metrics: instantMetrics() });
    for (const authorization of ['', 'Bearer ', `Basic ${METRICS_TOKEN}`, `Bearer ${METRICS_TOKEN}x`]) {
      const response = await edge.fetch(path, { headers: { authorization } });
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ errors: [{ code: 'UNAUTHORIZED', message: expect.any(String) }] });
    }
  });

  it('is open for either token, and for reading only', async () => {
    const edge = createEdge({ METRICS_TOKEN, ADMIN_TOKEN }, { metrics: instantMetrics() });
    for (const headers of [SCRAPER.headers, OPERATOR]) {
      expect(await statusOf(edge, headers)).toBe(200);
      expect(await statusOf(edge, headers, 'HEAD')).toBe(200);
      expect(await statusOf(edge, headers, 'POST')).toBe(405);
    }
    expect(await statusOf(createEdge({ METRICS_TOKEN }, { metrics: instantMetrics() }), OPERATOR)).toBe(401);
  });

  it('refuses an address unseen for a minute after 30 wrong tokens', async () => {
    const edge = createEdge({ METRICS_TOKEN }, { metrics: instantMetrics() });
    const from = (address: string, token: string) =>
      statusOf(edge, { 'cf-connecting-ip': address, authorization: `Bearer ${token}` });
    for (let n = 0; n < 30; n++) expect(await from('192.0.2.1', `guess-${n}`)).toBe(401);
    expect(await from('192.0.2.1', METRICS_TOKEN)).toBe(401);
    expect(await from('192.0.2.2', METRICS_TOKEN)).toBe(200);
    edge.clock.advance(60_000);
    expect(await from('192.0.2.1', METRICS_TOKEN)).toBe(200);
  });
});

it('the METRICS_TOKEN opens nothing else', async () => {
  const edge = createEdge({ METRICS_TOKEN, ADMIN_TOKEN, EVENTS_TOKEN: 'registries-know-this' });
  for (const path of ['cache/a', 'budget', 'warm', 'cooldown/a:b', `descriptors/sha256:${'0'.repeat(64)}`, 'events']) {
    expect((await edge.fetch(`/_edge/${path}`, SCRAPER)).status).toBe(401);
  }
});

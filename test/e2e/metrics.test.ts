import { beforeAll, expect, test } from 'vitest';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { upload } from './support/blobs.ts';
import { atEnd } from './support/cleanup.ts';
import { type Edge, PATIENT, startEdges } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { makeImage } from './support/image.ts';
import { lintMetrics, type Prometheus, startPrometheus } from './support/prometheus.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const METRICS_TOKEN = 'prometheus-knows-this';
const NAME = 'team/counted';
/** A batch is delivered after ten seconds, and stored, scraped and read in a few more. */
const LIMIT_MS = 40_000;

describeWith(['prometheus', 'promtool'], 'Prometheus, and two isolates of the edge', () => {
  let edges: [Edge, Edge];
  let prometheus: Prometheus;
  let originRequests = 0;

  beforeAll(async () => {
    const registry = createRegistry();
    const origin = await serveLocally((sent) => {
      originRequests += 1;
      return registry.fetch(sent);
    });
    atEnd(() => origin.close());
    const variables = { METRICS_TOKEN, ...PATIENT };
    edges = (await startEdges({ origin: origin.url, backend: 'durable' }, [variables, variables])) as [Edge, Edge];
    prometheus = await startPrometheus(edges[1].host, METRICS_TOKEN);
  });

  test(
    'the figures are those of the requests, exactly, and promtool finds nothing to mend',
    async () => {
      const [one, other] = edges;
      const { layers } = await makeImage('metrics');
      const [blob] = layers;
      expect((await upload(one.url, NAME, blob)).status).toBe(201);
      for (const { url } of [one, one, one, other, other]) {
        expect((await head(`${url}/v2/${NAME}/blobs/${blob.digest}`)).status).toBe(200);
      }
      for (let n = 0; n < 7; n++) {
        expect((await head(`${edges[n % 2]?.url}/v2/${NAME}/blobs/sha256:${String(n).repeat(64)}`)).status).toBe(404);
      }
      expect((await request('GET', `${other.url}/v2/${NAME}/blobs/${blob.digest}`)).body).toEqual(blob.bytes);

      const requests = 'sum by (handler, method, code) (registry_http_requests_total{handler!="edge"})';
      const expected = {
        'blob_upload post 202': 1,
        'blob_upload_chunk put 201': 1,
        'blob head 200': 5,
        'blob head 404': 7,
        'blob get 200': 1,
      };
      const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, count) => all + count, 0);
      const counted = await until(
        'everything is counted',
        async () => {
          const counts = await prometheus.query(requests, ['handler', 'method', 'code']);
          return sum(counts) >= sum(expected) && counts;
        },
        LIMIT_MS,
      );
      expect(counted).toEqual(expected);
      const sumOf = async (expression: string) => (await prometheus.query(`sum(${expression})`, []))[''];
      expect(await sumOf('registry_edge_origin_requests_total')).toBe(originRequests);
      expect(await sumOf('registry_edge_received_bytes_total')).toBe(blob.bytes.length);
      expect(await sumOf('registry_edge_sent_bytes_total{handler="blob"}')).toBe(blob.bytes.length);
      expect(await sumOf('registry_http_requests_total{cache="hit"}')).toBe(
        await sumOf('registry_edge_saved_origin_requests_total'),
      );

      const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
      const { body } = await request('GET', `${one.url}/_edge/metrics`, { headers });
      expect(lintMetrics(body.toString())).toBe('');
    },
    LIMIT_MS + 20_000,
  );
});

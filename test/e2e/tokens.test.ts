import { beforeAll, expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { type Edge, PATIENT, startEdge } from './support/edge.ts';
import { ask, HIT, isHit, pathsOf } from './support/hits.ts';
import { head } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPull, expectPush } from './support/skopeo.ts';
import { startTokenServer, type TokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const LAYERS = [400, 900, 2_000, 30_000];

for (const alg of ['ES256', 'RS256'] as const) {
  describeWith(['registry', 'skopeo'], `a registry with token authentication, ${alg}`, () => {
    let tokens: TokenServer;
    let origin: Registry;
    let proxy: CountingProxy;
    let edge: Edge;
    let image: Image;
    beforeAll(async () => {
      tokens = await startTokenServer(alg);
      origin = await startRegistry({ kind: 'registry', tokens });
      proxy = await startCountingProxy(origin.url);
      const { service, issuer } = tokens.auth;
      const variables = {
        ...{ TOKEN_JWKS: tokens.jwks, TOKEN_ISSUER: issuer, TOKEN_SERVICE: service },
        ...{ PULL_ONLY_SUBJECTS: 'reader', ...PATIENT },
      };
      edge = await startEdge({ origin: proxy.url, backend: 'durable', variables });
      image = await makeImage(`tokens ${alg}`, LAYERS);
      await expectPush(image, `${edge.host}/${NAME}:v1`);
    });
    const bearer = async (scope: string, subject?: string) => ({
      authorization: `Bearer ${await tokens.issue(scope, subject)}`,
    });

    test('a pushed image is pushed again by another process: the PUT is all that the origin hears', async () => {
      const [before, issued] = [proxy.requests.length, tokens.issued()];
      await expectPush(image, `${edge.host}/${NAME}:v1`);
      expect(tokens.issued()).toBeGreaterThan(issued);
      expect(proxy.requests.slice(before)).toEqual([`PUT /v2/${NAME}/manifests/v1`]);
    });

    test('it is pulled by another process, byte for byte', async () => {
      await expectPull(`${edge.host}/${NAME}:v1`, image);
    });

    test('each fresh token is a proof by itself, for its repository and for no other', async () => {
      const [path = ''] = pathsOf(NAME, image);
      expect(await ask(edge.url + path, await bearer(`repository:${NAME}:pull`))).toEqual(HIT);
      for (const scope of ['repository:team/other:pull', 'repository:team/*:pull', `repository:${NAME}:push`]) {
        expect((await ask(edge.url + path, await bearer(scope))).isHit).toBe(false);
      }
      expect((await ask(edge.url + path)).status).toBe(401);
    });

    test('a subject that only pulls is answered by tag, from the cache', async () => {
      const path = `${edge.url}/v2/${NAME}/manifests/v1`;
      const asReader = async () =>
        head(path, { accept: OCI.manifest, ...(await bearer(`repository:${NAME}:pull`, 'reader')) });
      await until('the cache answers by tag', async () => isHit(await asReader()));
      const asOther = await head(path, { accept: OCI.manifest, ...(await bearer(`repository:${NAME}:pull`)) });
      expect(asOther.headers['cache-status']).toMatch(/^registry-edge; fwd/);
    });

    test('the log holds no token', () => {
      expect(edge.process.stdout() + edge.process.stderr()).not.toMatch(/eyJ/);
    });
  });
}

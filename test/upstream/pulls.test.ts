import { describe, expect, it } from 'vitest';
import type { Edge } from '../support/edge.ts';
import { createPullIsolates, pull, slow, tellLimit } from '../support/pullIsolates.ts';
import { rig } from '../support/push.ts';
import { DOCKER_MANIFEST, manifestRequest, OCI_INDEX, OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';
import { storeNamed } from '../support/stores.ts';
import { usersWith } from '../support/users.ts';

const BUDGET = { UPSTREAM_BUDGET: '100/6h' };
const GET = manifestRequest('GET');
/** What docker accepts, in an order of its own. */
const OTHER_TYPES = `${OCI_INDEX}, ${OCI_MANIFEST}, ${DOCKER_MANIFEST}`;
const PULLED = { status: 200, text: expect.any(String) };

/** Pulls five times at once through each of the isolates. */
function pullEverywhere(edges: readonly Edge[], ask: (at: number) => [path: string, request?: typeof GET]) {
  const crowd = edges.flatMap((edge) => Array.from({ length: 5 }, () => edge));
  return Promise.all(crowd.map((edge, at) => pull(edge, ...ask(at))));
}

describe('isolates that pull the same manifest at the same time', () => {
  it.each(['tag', 'digest'] as const)('send one pull, and read what it has stored: by %s', async (by) => {
    const { edges, asked } = createPullIsolates(8, BUDGET);
    const manifest = await pushManifest();
    await slow(manifest);
    const path = by === 'tag' ? manifest.tagPath : manifest.path;
    const answers = await pullEverywhere(edges, () => [path]);
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: manifest.bytes })));
    expect(await manifest.questions()).toEqual([`GET ${path.split('/').at(-1)}`]);
    expect(asked()).toEqual(edges.map(() => 'takePull'));
    // Warm answers cost nothing.
    await pullEverywhere(edges, () => [path]);
    expect([asked(), (await manifest.questions()).length]).toEqual([[], 1]);
  });

  it('send one pull for a tag and its digest, whatever types the callers accept', async () => {
    const { edges } = createPullIsolates(8, BUDGET);
    const manifest = await pushManifest();
    await slow(manifest);
    const requests = [GET, manifestRequest('GET', OTHER_TYPES)];
    const answers = await pullEverywhere(edges, (at) => [
      at % 3 === 0 ? manifest.path : manifest.tagPath,
      requests[at % 2] ?? GET,
    ]);
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: manifest.bytes })));
    expect((await manifest.questions()).filter((question) => question.startsWith('GET'))).toHaveLength(1);
  });

  it('send one pull for a digest of which they know by HEAD alone, as docker and containerd do', async () => {
    const { edges } = createPullIsolates(4, BUDGET);
    const manifest = await pushManifest();
    for (const edge of edges) await edge.fetch(manifest.tagPath, manifestRequest('HEAD'));
    await slow(manifest);
    const answers = await pullEverywhere(edges, () => [manifest.path]);
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: manifest.bytes })));
    expect((await manifest.questions()).filter((question) => question.startsWith('GET'))).toHaveLength(1);
  });

  it('send one pull where a HEAD tells another media type, which each of them remembers', async () => {
    const { edges } = createPullIsolates(4, BUDGET);
    const manifest = await pushManifest();
    const headers = { 'content-type': DOCKER_MANIFEST, 'content-length': String(manifest.bytes.length) };
    await rig.rule({
      ...{ prefix: manifest.path, method: 'HEAD', status: 200 },
      headers: { ...headers, 'docker-content-digest': manifest.digest },
    });
    for (const edge of edges) await edge.fetch(manifest.path, manifestRequest('HEAD', OTHER_TYPES));
    await slow(manifest);
    const answers = await pullEverywhere(edges, () => [manifest.path]);
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: manifest.bytes })));
    expect((await manifest.questions()).filter((question) => question.startsWith('GET'))).toHaveLength(1);
  });

  it('send one pull although a HEAD is answered after it, which is no witness of what a GET tells', async () => {
    const { edges } = createPullIsolates(3, BUDGET);
    const [one, two, three] = edges as unknown as [Edge, Edge, Edge];
    const manifest = await pushManifest();
    const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.bytes.length) };
    await rig.rule({
      ...{ prefix: manifest.path, method: 'HEAD', status: 200, holdAs: manifest.digest, times: 1 },
      headers: { ...headers, 'docker-content-digest': manifest.digest },
    });
    const late = two.fetch(manifest.path, manifestRequest('HEAD'));
    await pull(one, manifest.path);
    await rig.release(manifest.digest);
    expect((await late).status).toBe(200);
    expect(await pull(three, manifest.path)).toEqual({ status: 200, text: manifest.bytes });
    expect((await manifest.questions()).filter((question) => question.startsWith('GET'))).toHaveLength(1);
  });

  it('send one pull with TAG_TTL=0, and all others ask by HEAD where the tag leads', async () => {
    const { edges } = createPullIsolates(4, { ...BUDGET, TAG_TTL: '0' });
    const manifest = await pushManifest();
    await slow(manifest);
    await Promise.all(edges.map((edge) => pull(edge, manifest.tagPath)));
    expect((await manifest.questions()).sort()).toEqual(['GET latest', 'HEAD latest', 'HEAD latest', 'HEAD latest']);
  });

  it('each ask if the origin refuses, and each client gets its answer', async () => {
    const { edges } = createPullIsolates(3, BUDGET);
    const manifest = await pushManifest();
    const path = manifest.tagPath.replace('latest', 'none');
    await slow(manifest);
    const answers = await Promise.all(edges.map((edge) => pull(edge, path)));
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect(await manifest.questions()).toEqual(['GET none', 'GET none', 'GET none']);
  });

  it('each ask if nothing is stored, so that a broken store costs pulls and no answers', async () => {
    const { failing } = storeNamed('kv');
    const { edges, asked } = createPullIsolates(3, { ...BUDGET, ...failing?.variables }, failing?.options);
    const manifest = await pushManifest();
    await slow(manifest);
    const answers = await Promise.all(edges.map((edge) => pull(edge, manifest.tagPath)));
    expect(answers).toEqual(answers.map(() => PULLED));
    expect(await manifest.questions()).toEqual(['GET latest', 'GET latest', 'GET latest']);
    // The two that waited insist.
    expect(asked()).toHaveLength(5);
  });
});

describe('an upstream that counts pulls', () => {
  it('is known by its first answer that tells a limit; before, nobody is asked', async () => {
    const { edges, asked, events } = createPullIsolates(1);
    const [edge] = edges;
    await pull(edge, (await pushManifest()).tagPath);
    expect([asked(), events]).toEqual([[], []]);
    const manifest = await pushManifest();
    await tellLimit(manifest, 76);
    await pull(edge, manifest.tagPath);
    expect(asked()).toEqual(['tellPulls']);
    await pull(edge, (await pushManifest()).tagPath);
    expect([asked(), events]).toEqual([['takePull'], ['granted 75']]);
  });

  it('is known from the beginning where it is declared, and costs one request for each pull', async () => {
    const { edges, asked, events } = createPullIsolates(2, BUDGET);
    for (const edge of [...edges, ...edges]) await pull(edge, (await pushManifest()).tagPath);
    expect(asked()).toEqual(['takePull', 'takePull', 'takePull', 'takePull']);
    expect(events).toEqual(['granted 99', 'granted 98', 'granted 97', 'granted 96']);
  });

  it('is asked by HEAD for what is known, which costs no request to whoever counts', async () => {
    const { edges, asked, clock } = createPullIsolates(1, BUDGET);
    const manifest = await pushManifest();
    await pull(edges[0], manifest.tagPath);
    clock.advance(10_000);
    await pull(edges[0], manifest.tagPath);
    expect(await manifest.questions()).toEqual(['GET latest', 'HEAD latest']);
    expect(asked()).toEqual(['takePull']);
  });

  it('is not asked by GET for the words of a refusal', async () => {
    const { edges, asked, clock } = createPullIsolates(1, BUDGET);
    const manifest = await pushManifest();
    await pull(edges[0], manifest.tagPath);
    clock.advance(10_000);
    await rig.rule({ prefix: manifest.tagPath, status: 404 });
    const gone = await pull(edges[0], manifest.tagPath);
    expect([gone.status, JSON.parse(gone.text).errors[0].code]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect([await manifest.questions(), asked()]).toEqual([['GET latest', 'HEAD latest'], ['takePull']]);
  });

  it('has the pulls of scripts counted, which the cache does not answer', async () => {
    const { edges, asked, events } = createPullIsolates(1, BUDGET);
    const manifest = await pushManifest();
    const fromPage = manifestRequest('GET', OCI_MANIFEST, { origin: 'https://page.test' });
    await pull(edges[0], manifest.tagPath, fromPage);
    expect(asked()).toEqual(['tellPulls']);
    await pull(edges[0], (await pushManifest()).tagPath);
    expect(events).toEqual(['granted 98']);
  });

  it('where the origin judges callers, nobody counts', async () => {
    const { edges, asked } = createPullIsolates(1, { ...BUDGET, CLIENT_AUTH: 'origin' });
    const manifest = await pushManifest();
    await tellLimit(manifest, 0);
    await pull(edges[0], manifest.tagPath);
    expect(asked()).toEqual([]);
  });

  it('has the pulls of users who push counted, and does not keep them waiting or from anything', async () => {
    const users = await usersWith({ ci: { pull: ['**'], push: ['**'] } });
    const { edges, asked, events, clock } = createPullIsolates(1, { ...users.variables, UPSTREAM_BUDGET: '2/6h' });
    const manifest = await pushManifest();
    const request = manifestRequest('GET', OCI_MANIFEST, users.logins.ci);
    for (let n = 0; n < 3; n++) {
      expect((await pull(edges[0], manifest.tagPath, request)).status).toBe(200);
      await pushManifest({ name: manifest.name });
      clock.advance(86_400_000);
    }
    expect([asked(), events]).toEqual([['tellPulls', 'tellPulls', 'tellPulls'], []]);
  });
});

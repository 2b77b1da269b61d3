import { beforeAll, expect, test } from 'vitest';
import { CLIENTS, runRegctl } from './support/clients.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { image, publish } from './support/contents.ts';
import type { Edge } from './support/edge.ts';
import { type Answer, lastingHeaders, request } from './support/http.ts';
import {
  ask,
  askUntilStale,
  CONTENTS,
  expectFailure,
  expectManifest,
  LAYER,
  NAME,
  publishAll,
  QUESTIONS,
  type Question,
} from './support/lastGood.ts';
import type { Registry } from './support/registry.ts';
import { describeSetups, type Setup, startSetup } from './support/setups.ts';
import { skopeo } from './support/skopeo.ts';

/** Commands for a manifest alone: `manifest` prints its bytes, `digest` prints its digest. */
const RESOLVERS: readonly {
  readonly name: string;
  manifest(reference: string): Promise<Outcome>;
  digest?(reference: string): Promise<Outcome>;
}[] = [
  {
    name: 'crane',
    manifest: (reference) => runClient('crane', ['manifest', '--insecure', reference]),
    digest: (reference) => runClient('crane', ['digest', '--insecure', reference]),
  },
  {
    name: 'oras',
    manifest: (reference) => runClient('oras', ['manifest', 'fetch', '--plain-http', reference]),
    digest: (reference) => runClient('oras', ['resolve', '--plain-http', reference]),
  },
  {
    name: 'regctl',
    manifest: (reference) => runRegctl(reference, 'manifest', 'get', '--format=raw-body', reference),
    digest: (reference) => runRegctl(reference, 'manifest', 'head', reference),
  },
  {
    name: 'skopeo',
    manifest: (reference) => skopeo('inspect', '--raw', '--tls-verify=false', `docker://${reference}`),
  },
];

function originStopped(setup: Setup): void {
  let origin: Registry;
  let edge: Edge;
  let pulls: Promise<Outcome[]>;
  const freshAnswers = new Map<Question, Answer>();
  beforeAll(async () => {
    ({ origin, edge } = await startSetup(setup, { TAG_TTL: '1s', DESCRIPTOR_TTL: '1s' }));
    await publishAll(origin);
    for (const { tag } of CONTENTS) {
      for (const { pull } of CLIENTS) expect(await pull(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
    }
    for (const question of QUESTIONS) freshAnswers.set(question, await ask(edge, question));
    await origin.stop();
    // Some clients retry for seconds, so their pulls begin now.
    pulls = Promise.all(CLIENTS.map(({ pull }) => pull(`${edge.host}/${NAME}:image`)));
  });

  const resolutions = RESOLVERS.flatMap((resolver) => CONTENTS.map((entry) => ({ ...entry, ...resolver })));
  async function expectResolution({ tag, content, manifest, digest }: (typeof resolutions)[number]): Promise<void> {
    for (const reference of [`${edge.host}/${NAME}:${tag}`, `${edge.host}/${NAME}@${content.manifest.digest}`]) {
      expect(await manifest(reference)).toEqual({ code: 0, output: content.manifest.bytes.toString() });
    }
    const resolved = await digest?.(`${edge.host}/${NAME}:${tag}`);
    if (resolved) expect(resolved).toEqual({ code: 0, output: expect.stringContaining(content.manifest.digest) });
  }
  test.for(resolutions)('$name gets the manifest of $what that was pulled before', expectResolution);

  test.for(QUESTIONS)('$title after TAG_TTL: the last good answer, with fwd=stale', async (question) => {
    const answer = await askUntilStale(edge, question);
    expectManifest(answer, question, 'registry-edge; fwd=stale; detail=unreachable');
    expect(lastingHeaders(answer)).toEqual(lastingHeaders(freshAnswers.get(question) as Answer));
  });

  test.for(resolutions)('$name gets the manifest of $what after TAG_TTL', expectResolution);

  test('GET and HEAD of a blob: 502', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await request(method, `${edge.url}/v2/${NAME}/blobs/${LAYER.digest}`);
      expectFailure(answer, method, 502, 'UNAVAILABLE');
    }
  });

  test('a pull with any client fails, since the blobs are unreachable, and says so', async () => {
    for (const { code, output } of await pulls) {
      expect(code).toBe(1);
      expect(output).toMatch(/502 \(Bad Gateway\)|the origin registry cannot be reached/);
    }
  });

  test('once the origin is back, a moved tag names the new manifest', async () => {
    await origin.start();
    const moved = image('moved');
    await publish(origin.url, NAME, moved, 'image');
    const question = { title: '', method: 'GET', path: `/v2/${NAME}/manifests/image`, content: moved };
    expectManifest(await ask(edge, question), question, 'registry-edge; fwd=stale; stored');
  });
}

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'an origin that is stopped', originStopped, [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'anonymous' },
]);

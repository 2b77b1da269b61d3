import { beforeAll, expect, test } from 'vitest';
import { CLIENTS } from './support/clients.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, request } from './support/http.ts';
import {
  ask,
  askPastHits,
  CONTENTS,
  expectFailure,
  expectManifest,
  LAYER,
  lasting,
  NAME,
  publishAll,
  QUESTIONS,
  type Question,
} from './support/lastGood.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { skopeo } from './support/skopeo.ts';

/** Ways to ask for a manifest alone: one that prints it, byte for byte, and one that prints its digest. */
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
    manifest: (reference) => regctl(reference, 'manifest', 'get', '--format=raw-body', reference),
    digest: (reference) => regctl(reference, 'manifest', 'head', reference),
  },
  {
    name: 'skopeo',
    manifest: (reference) => skopeo('inspect', '--raw', '--tls-verify=false', `docker://${reference}`),
  },
];

function regctl(reference: string, ...args: string[]): Promise<Outcome> {
  return runClient('regctl', ['--host', `reg=${reference.split('/')[0]},tls=disabled`, ...args]);
}

function stopped({ kind, backend, clientAuth }: Setup): void {
  let origin: Registry;
  let edge: Edge;
  let pulls: Promise<Outcome[]>;
  const fresh = new Map<Question, Answer>();
  beforeAll(async () => {
    origin = await startRegistry({ kind });
    await publishAll(origin);
    const variables = { CLIENT_AUTH: clientAuth, TAG_TTL: '1s', DESCRIPTOR_TTL: '1s' };
    edge = await startEdge({ origin: origin.url, backend, variables });
    for (const { tag } of CONTENTS) {
      for (const { pull } of CLIENTS) expect(await pull(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
    }
    for (const question of QUESTIONS) fresh.set(question, await ask(edge, question));
    await origin.stop();
    // Some try again for seconds.
    pulls = Promise.all(CLIENTS.map(({ pull }) => pull(`${edge.host}/${NAME}:image`)));
  });

  const resolutions = RESOLVERS.flatMap((resolver) => CONTENTS.map((one) => ({ ...one, ...resolver })));
  async function expectResolution({ tag, content, manifest, digest }: (typeof resolutions)[number]): Promise<void> {
    for (const reference of [`${edge.host}/${NAME}:${tag}`, `${edge.host}/${NAME}@${content.manifest.digest}`]) {
      expect(await manifest(reference)).toEqual({ code: 0, output: content.manifest.bytes.toString() });
    }
    const told = await digest?.(`${edge.host}/${NAME}:${tag}`);
    if (told) expect(told).toEqual({ code: 0, output: expect.stringContaining(content.manifest.digest) });
  }
  test.for(resolutions)('$name, $what that was pulled once: resolves, and the manifest arrives', expectResolution);

  test.for(QUESTIONS)('$title after TAG_TTL: the last good answer, marked', async (question) => {
    const answer = await askPastHits({ edge }, question);
    expectManifest(answer, question, 'registry-edge; fwd=stale; detail=unreachable');
    expect(lasting(answer)).toEqual(lasting(fresh.get(question) as Answer));
  });

  test.for(resolutions)('$name, $what after TAG_TTL: resolves, and the manifest arrives', expectResolution);

  test('GET and HEAD of a blob: 502', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await request(method, `${edge.url}/v2/${NAME}/blobs/${LAYER.digest}`);
      expectFailure(answer, method, 502, 'UNAVAILABLE');
    }
  });

  test('crane, oras, regctl and skopeo, a pull: fails for want of the blobs, and says so', async () => {
    for (const { code, output } of await pulls) {
      expect(code).toBe(1);
      expect(output).toMatch(/502 \(Bad Gateway\)|the origin registry cannot be reached/);
    }
  });

  test('the origin is back: a tag that was moved is what it is', async () => {
    await origin.start();
    const moved = image('moved');
    await publish(origin.url, NAME, moved, 'image');
    const question = { title: '', method: 'GET', path: `/v2/${NAME}/manifests/image`, content: moved };
    expectManifest(await ask(edge, question), question, 'registry-edge; fwd=stale; stored');
  });
}

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'the origin is stopped', stopped, [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
]);

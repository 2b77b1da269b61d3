import { beforeAll, expect, test } from 'vitest';
import { runClient, SUCCESS } from './support/command.ts';
import { PATIENT, startEdge } from './support/edge.ts';
import { isHit } from './support/hits.ts';
import { type Image, makeImage } from './support/image.ts';
import { keysOf, quietOf } from './support/journeys/sides.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRegistry } from './support/registry.ts';
import { startTokenServer, type TokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
const BASE = [400, 900] as const;
const RUNNERS = Array.from({ length: 10 }, (_, runner) => runner);

describeWith(['crane', 'registry'], 'ten runners of one pipeline, each with a fresh token', () => {
  let tokens: TokenServer;
  let front: CountingProxy;
  let origin: CountingProxy;
  let base: Image;
  const push = async ({ folder }: Image, tag: string) =>
    runClient('crane', ['push', '--insecure', folder, `${new URL(front.url).host}/${NAME}:${tag}`]);
  beforeAll(async () => {
    tokens = await startTokenServer();
    origin = await startCountingProxy((await startRegistry({ kind: 'registry', tokens })).url);
    const variables = { ...keysOf(tokens), ...PATIENT };
    front = await startCountingProxy((await startEdge({ origin: origin.url, backend: 'durable', variables })).url);
    base = await makeImage('runners', BASE);
    expect(await push(base, 'base')).toMatchObject(SUCCESS);
    await quietOf(origin);
  });

  test('each pushes one new layer: all 20 questions for the layers of the base are answered by the cache', async () => {
    const images = await Promise.all(RUNNERS.map((runner) => makeImage('runners', [...BASE, 1_000 + runner])));
    const [sent, issued] = [front.answers.length, tokens.issued()];

    const outcomes = await Promise.all(images.map((image, runner) => push(image, `v${runner}`)));

    for (const outcome of outcomes) expect(outcome).toMatchObject(SUCCESS);
    expect(tokens.issued() - issued).toBeGreaterThanOrEqual(RUNNERS.length);
    const ofBase = base.layers.map(({ digest }) => `HEAD /v2/${NAME}/blobs/${digest}`);
    const answers = front.answers.slice(sent).filter(({ request }) => ofBase.includes(request));
    expect(answers).toHaveLength(20);
    expect(answers.filter(isHit)).toHaveLength(20);
  });
});

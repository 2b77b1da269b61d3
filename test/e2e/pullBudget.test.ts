import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ACCEPTS } from './support/accepts.ts';
import { type Content, image } from './support/contents.ts';
import { type Edge, PATIENT, startEdge, startEdges } from './support/edge.ts';
import { type Answer, request } from './support/http.ts';
import { type Hub, startHub } from './support/hubs/hub.ts';
import { inParallel } from './support/inParallel.ts';

const IMAGES = 50;
const ISOLATES = 20;
const CLIENTS = 1_000;
/** All isolates of the test share one thread, and no wait of theirs may end because that is busy. */
const AT_ONCE = 100;
const ADMIN_TOKEN = 'token-of-an-operator';
const LIMIT_MS = 180_000;
/** Docker Hub speaks of thousands. */
const MAX_REQUESTS = 2_000;

/** The repositories of a hub, and their images. */
const contentsOf = (count: number): [name: string, content: Content][] =>
  Array.from({ length: count }, (_, n) => [`team/n${n}`, image(`budget ${n}`)]);

/** Clients that ask for a tag by HEAD, and for the manifest by its digest; the others ask for the tag by GET. */
const RESOLVERS = ['docker', 'containerd, resolving', 'oras'];
const PULLERS = ACCEPTS.filter(({ client }) => [...RESOLVERS, 'crane', 'regctl', 'skopeo'].includes(client));

/** Asks for an image's manifest as a client does. @returns its answers */
async function pullAs(at: number, { url }: Edge, name: string, { mediaType, manifest }: Content): Promise<Answer[]> {
  const { client, accept } = PULLERS[at % PULLERS.length] as (typeof PULLERS)[number];
  const sent = { headers: { accept: accept(mediaType) }, hasOwnConnection: true };
  const below = `${url}/v2/${name}/manifests/`;
  if (!RESOLVERS.includes(client)) return [await request('GET', `${below}latest`, sent)];
  const head = await request('HEAD', `${below}latest`, sent);
  return [head, await request('GET', below + manifest.digest, sent)];
}

const get = (edge: Edge, name: string) =>
  request('GET', `${edge.url}/v2/${name}/manifests/latest`, {
    headers: { accept: PULLERS[0]?.accept('') ?? '' },
  });

async function budgetOf(edge: Edge): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return JSON.parse(String((await request('GET', `${edge.url}/_edge/budget`, { headers })).body));
}

const variablesFor = (hub: Hub, more: Record<string, string> = {}) => ({
  ...{ ...hub.variables, ...PATIENT, PRESET: 'docker-hub', ADMIN_TOKEN, LOG_LEVEL: 'warn', ...more },
});

describe('a mirror of Docker Hub, which allows 100 pulls in six hours and limits all requests', () => {
  test('1,000 clients pull 50 images through 20 isolates: 50 counted pulls, and no client sees a 429', {
    timeout: LIMIT_MS,
  }, async () => {
    const images = contentsOf(IMAGES);
    const hub = await startHub({
      ...{ contents: Object.fromEntries(images), maxPulls: 100, maxRequests: MAX_REQUESTS, delayMs: 50 },
    });
    const options = { origin: hub.registry.url, backend: 'durable' } as const;
    const edges = await startEdges(
      options,
      Array.from({ length: ISOLATES }, () => variablesFor(hub)),
    );
    const statuses = new Set<number>();
    const broken: string[] = [];
    await inParallel(Array.from({ length: CLIENTS }).keys(), AT_ONCE, async (at) => {
      // All isolates are asked for an image at the same time, by clients of all kinds.
      const round = Math.floor(at / ISOLATES);
      const [name, content] = images[round] as (typeof images)[number];
      const edge = edges[at % ISOLATES] as Edge;
      const answers = await pullAs(at + round, edge, name, content);
      for (const { status } of answers) statuses.add(status);
      if (!answers.at(-1)?.body.equals(content.manifest.bytes)) broken.push(name);
    });
    expect([[...statuses], broken]).toEqual([[200], []]);
    expect(hub.pulls()).toBe(IMAGES);
    expect(hub.registry.received.length).toBeLessThan(MAX_REQUESTS);
    expect(await budgetOf(edges[7] as Edge)).toMatchObject({
      ...{ limit: 100, remaining: 50, counted: IMAGES, knownBy: 'header', countedBy: 'all isolates' },
    });
  });

  test('once the budget is spent, what is known is answered, and the rest is a 429; a restart changes nothing', {
    timeout: LIMIT_MS,
  }, async () => {
    const images = contentsOf(IMAGES + 1);
    const known = images.slice(0, IMAGES).map(([name]) => name);
    const unknown = `team/n${IMAGES}`;
    const hub = await startHub({ contents: Object.fromEntries(images), maxPulls: IMAGES });
    const variables = variablesFor(hub, { TAG_TTL: '1s' });
    const options = { origin: hub.registry.url, backend: 'durable', variables } as const;
    const statusesOf = async (edge: Edge) => {
      await delay(1_100);
      return Promise.all(known.map(async (name) => (await get(edge, name)).status));
    };
    const everything = known.map(() => 200);

    const before = await startEdge(options);
    for (const name of known.slice(0, IMAGES / 2)) expect((await get(before, name)).status).toBe(200);
    // What was answered is written back after the reply.
    await delay(500);
    await before.process.stop();
    const edge = await startEdge({ ...options, keepsState: true });
    expect(await budgetOf(edge)).toMatchObject({ counted: IMAGES / 2, remaining: IMAGES / 2 });
    for (const name of known.slice(IMAGES / 2)) expect((await get(edge, name)).status).toBe(200);
    expect([hub.pulls(), await budgetOf(edge)]).toMatchObject([IMAGES, { counted: IMAGES, remaining: 0 }]);

    expect(await statusesOf(edge)).toEqual(everything);
    const refused = await get(edge, unknown);
    expect([refused.status, refused.headers['ratelimit-limit']]).toEqual([429, `${IMAGES};w=21600`]);
    expect(JSON.parse(String(refused.body)).errors[0].code).toBe('TOOMANYREQUESTS');
    expect(await statusesOf(edge)).toEqual(everything);

    await edge.process.stop();
    const after = await startEdge({ ...options, keepsState: true });
    expect(await statusesOf(after)).toEqual(everything);
    expect((await get(after, unknown)).status).toBe(429);
    expect(await budgetOf(after)).toMatchObject({ counted: IMAGES + 2, remaining: 0, knownBy: 'header' });
    // Nothing that is known was pulled again.
    expect(hub.pulls()).toBe(IMAGES + 2);
  });
});

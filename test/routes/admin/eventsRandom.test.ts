import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, type SentEvent, sendEvents } from '../../support/events.ts';
import { rig, sha256 } from '../../support/push.ts';
import { OCI_MANIFEST, uniqueManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

const TTLS = { DESCRIPTOR_TTL: '1h', PUSH_EXISTENCE_TTL: '1h', TAG_TTL: '1h', LIST_TTL: '1h' };
const CALLERS: [who: string, variables: Record<string, string>][] = [
  ['callers that may push', { ...TTLS, EVENTS_TOKEN }],
  ['pull-only callers', { ...TTLS, EVENTS_TOKEN, CLIENT_AUTH: 'anonymous' }],
];
const TAGS = ['a', 'b'] as const;
const STRANGER = uniqueDigest();
const NUMBER_OF_BODIES = TAGS.length;
const RUNS = 8;

const body = fc.nat(NUMBER_OF_BODIES - 1);
const tag = fc.constantFrom(...TAGS);
/** One step of a sequence. Bodies go by their number; each is a blob and a manifest. */
const STEP = fc.oneof(
  { weight: 11, arbitrary: fc.record({ ask: fc.constantFrom('HEAD', 'GET'), at: fc.nat(6) }) },
  {
    weight: 3,
    arbitrary: fc.record({ change: fc.constantFrom('push', 'push', 'untag', 'delete', 'blob'), body, tag }),
  },
  { weight: 1, arbitrary: fc.record({ repeat: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      forge: fc.constantFrom('push', 'push', 'delete', 'delete', 'pull', 'mount', 'x'),
      ofWhat: fc.option(fc.nat(NUMBER_OF_BODIES)),
      tag: fc.option(tag),
      mediaType: fc.option(fc.constantFrom(OCI_MANIFEST, 'application/octet-stream')),
      elsewhere: fc.boolean(),
    }),
  },
  // For 5 s after an event nothing is stored.
  { weight: 3, arbitrary: fc.record({ waitMs: fc.constantFrom(1, 6_000) }) },
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

/** Creates a repository at the origin with every body and tag, and the paths that the sequence may request. */
async function createWorld() {
  const name = uniqueName();
  const url = inject('originUrl');
  const bodies = Array.from({ length: NUMBER_OF_BODIES }, () => uniqueManifest());
  const digests = await Promise.all(bodies.map(sha256));
  const at = (n: number, kind: string) => `/v2/${name}/${kind}/${digests[n]}`;
  const paths = [
    ...bodies.flatMap((_, n) => [at(n, 'blobs'), at(n, 'manifests')]),
    ...TAGS.map((one) => `/v2/${name}/manifests/${one}`),
    `/v2/${name}/tags/list`,
  ];
  const send = (method: string, path: string, sent?: string) =>
    fetch(url + path, { method, headers: { 'content-type': OCI_MANIFEST }, body: sent ?? null });
  const pushBlob = (n: number) => send('POST', `/v2/${name}/blobs/uploads/?digest=${digests[n]}`, bodies[n]);
  const events = eventsOf(name);
  /** Changes the origin's content. @returns the event that the origin would send */
  async function change(kind: string, n: number, one: string): Promise<SentEvent> {
    const digest = digests[n] ?? '';
    switch (kind) {
      case 'push':
        await send('PUT', `/v2/${name}/manifests/${one}`, bodies[n]);
        return events.pushed(digest, one);
      case 'untag':
        await send('DELETE', `/v2/${name}/manifests/${one}`);
        return events.untagged(one);
      case 'delete':
        for (const links of ['blobs', 'manifests']) await send('DELETE', at(n, links));
        return events.deleted(digest);
      default:
        await pushBlob(n);
        return events.pushedBlob(digest);
    }
  }
  for (const [n, one] of TAGS.entries()) {
    await pushBlob(n);
    await change('push', n, one);
  }
  return { name, digests, paths, change, countRequests: async () => (await rig.requests(`/v2/${name}/`)).length };
}

/** Returns what a caller sees of a response. */
async function visibleIn(response: Response): Promise<unknown[]> {
  const named = ['docker-content-digest', 'content-type'].map((header) => response.headers.get(header));
  const text = new TextDecoder().decode(await response.arrayBuffer());
  return [response.status, ...(response.status === 200 ? [...named, text] : [])];
}

const hits = new Map<string, number>();

/** Plays a sequence; every answer of the edge must be the one that the origin gives. */
async function play(variables: Record<string, string>, steps: readonly Step[], title: string): Promise<void> {
  const world = await createWorld();
  const edge = createEdge(variables);
  const sent: SentEvent[] = [];
  for (const path of world.paths) await edge.fetch(path, { headers: { accept: OCI_MANIFEST } });
  const send = async (event: SentEvent) => expect((await sendEvents(edge, event)).status).toBe(204);

  for (const step of steps) {
    if ('waitMs' in step) edge.clock.advance(step.waitMs);
    if ('change' in step) {
      sent.push(await world.change(step.change, step.body, step.tag));
      await send(sent.at(-1) as SentEvent);
    }
    if ('repeat' in step && sent.length > 0) await send(sent[step.repeat % sent.length] as SentEvent);
    if ('forge' in step) {
      const { forge: action, ofWhat, tag: one, mediaType, elsewhere } = step;
      const digest = ofWhat === null ? '' : (world.digests[ofWhat] ?? STRANGER);
      const repository = elsewhere ? `${world.name}x` : world.name;
      await send({ action, target: { repository, digest, tag: one ?? '', mediaType: mediaType ?? '' } });
    }
    if ('ask' in step) {
      const init = { method: step.ask, headers: { accept: OCI_MANIFEST } };
      const path = world.paths[step.at] ?? '';
      const before = await world.countRequests();
      const answer = await edge.fetch(path, init);
      const requests = (await world.countRequests()) - before;
      if (cacheStatusOf(answer)?.includes('; hit')) hits.set(title, (hits.get(title) ?? 0) + 1);
      expect(await visibleIn(answer)).toEqual(await visibleIn(await fetch(inject('originUrl') + path, init)));
      // After an event one round trip is enough; a GET of a moved tag first asks where it points.
      expect(requests).toBeLessThanOrEqual(step.ask === 'HEAD' ? 1 : 2);
    }
  }
}

describe.each(STORES)('repeated, reordered and forged events, cache in $name', ({ name: store, variables }) => {
  it.each(CALLERS)(
    'never make the edge answer %s differently from the origin',
    { timeout: 120_000 },
    async (who, more) => {
      const title = `${store} ${who}`;
      const steps = fc.array(STEP, { minLength: 25, maxLength: 40 });
      const property = fc.asyncProperty(steps, (sequence) => play({ ...variables, ...more }, sequence, title));
      await fc.assert(property, { numRuns: RUNS });
      // Without hits the property would hold trivially.
      expect(hits.get(title)).toBeGreaterThan(RUNS);
    },
  );
});

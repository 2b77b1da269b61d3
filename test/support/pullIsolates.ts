import type { EdgeEvent } from '../../src/telemetry/events.ts';
import { createClock } from './context.ts';
import { interceptObjects } from './durableStore.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { OPEN } from './failingEdge.ts';
import { rig } from './push.ts';
import { manifestRequest, type PushedManifest } from './pushManifest.ts';

export interface PullIsolates {
  readonly edges: readonly [Edge, ...Edge[]];
  readonly clock: Edge['clock'];
  /** The name of their upstream. */
  readonly alias: string;
  /** Returns the requests to the object that counts pulls since the last call, by their methods. */
  asked(): string[];
  /** All events about pulls, as `<outcome> <left>`. */
  readonly events: readonly string[];
}

/**
 * Creates isolates of an open mirror that share a budget of their own, and one clock.
 * @param options of each isolate
 */
export function createPullIsolates(
  count: number,
  variables: Record<string, string> = {},
  options: EdgeOptions = {},
): PullIsolates {
  const methods: string[] = [];
  const events: string[] = [];
  const objects = interceptObjects((method, _args, call) => {
    if (/Pulls?$/.test(method)) methods.push(method);
    return call();
  });
  const clock = createClock(Date.now());
  const sink = (event: EdgeEvent) => {
    if (event.kind === 'budget') events.push(`${event.outcome} ${event.left ?? 'unknown'}`);
  };
  const alias = `b-${crypto.randomUUID().slice(0, 20)}`;
  const create = () =>
    createEdge({ ...OPEN, CACHE_TIMEOUT: '5s', ...variables }, { clock, objects, sink, alias, ...options });
  const [first = create(), ...others] = Array.from({ length: count }, create);
  return { edges: [first, ...others], clock, alias, events, asked: () => methods.splice(0) };
}

/** Makes the origin tell its limit with a manifest, as Docker Hub does. */
export function tellLimit({ tagPath, bytes, mediaType, digest }: PushedManifest, remaining: number, limit = 100) {
  const headers = {
    ...{ 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': String(bytes.length) },
    ...{ 'ratelimit-limit': `${limit};w=21600`, 'ratelimit-remaining': `${remaining};w=21600` },
  };
  return rig.rule({ prefix: tagPath, status: 200, headers, body: bytes });
}

/** Makes the origin take some time for its answers about a repository. */
export function slow({ name }: { readonly name: string }, delayMs = 100) {
  return rig.rule({ prefix: `/v2/${name}/`, delayMs });
}

/** Asks an edge for a manifest. */
export async function pull(edge: Edge, path: string, request = manifestRequest('GET')) {
  const response = await edge.fetch(path, request);
  return { status: response.status, text: await response.text() };
}

/** Lists what the origin was asked for, without the pushes of the test. */
export async function questionsAbout(manifest: PushedManifest): Promise<string[]> {
  return (await manifest.questions()).filter((question) => !question.startsWith('PUT'));
}

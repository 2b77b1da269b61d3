import { createHash } from 'node:crypto';
import { type App, createApp } from '../../../src/app.ts';
import { createIsolate, createUpstream } from '../../../src/assemble.ts';
import { BACKENDS } from '../../../src/assembleCaches.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { createMemory } from '../../../src/isolate/memory.ts';
import { createInMemoryStore } from '../../../src/stores/memory/store.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { createUpstreams } from '../../../src/upstream/upstreams.ts';
import type { KnownStore } from '../costs.ts';
import { counted, type StoreCalls } from './counted.ts';

/** What may decide how much is a hit. */
export interface EdgesOptions {
  readonly isolates: number;
  /** Variables of the edge, such as `TAG_TTL`. */
  readonly variables: Readonly<Record<string, string>>;
  /** As which store theirs behaves. */
  readonly store: KnownStore;
  /** The clock, in epoch ms. */
  now(): number;
}

/** Isolates of the edge on one store. */
export interface Edges {
  /**
   * Sends a request to one of them, and waits for all work after the reply.
   * @param which from 0 to below 1
   */
  send(which: number, request: Request): Promise<Response>;
}

const PASSWORD = 'of-the-simulation';
/** Everybody pulls, and one user may push. */
const USERS = JSON.stringify({
  anonymous: { pull: ['**'] },
  ci: { secret: createHash('sha256').update(PASSWORD).digest('hex'), pull: ['**'], push: ['**'] },
});
/** The login of the user who may push. */
export const PUSHER = `Basic ${Buffer.from(`ci:${PASSWORD}`).toString('base64')}`;
/** As much as a shared store needs. */
const ROOMY = { entries: 10_000_000, bytes: 2 ** 32 };

/** Creates isolates of the whole edge, with a store in memory that they share. @param calls receives what it is asked */
export function createEdges({ isolates, variables, store, now }: EdgesOptions, calls: StoreCalls): Edges {
  const fixed = { ORIGIN_URL: 'https://origin.example.com', BLOBDESCRIPTOR: 'inmemory', CLIENT_AUTH: 'basic', USERS };
  const config = parseConfig({ ...fixed, ...variables }, BACKENDS);
  const shared = createMemory(ROOMY);
  const backend = {
    ...config.backend,
    open: (options: Parameters<typeof config.backend.open>[0]) =>
      counted(createInMemoryStore({ ...options, memory: shared }), calls, store),
  };
  const log = createLogger('error');
  const apps = Array.from({ length: isolates }, (): App => {
    const isolate = createIsolate({ ...config, bytes: undefined });
    const upstreams = createUpstreams(config.upstreams, (one) => createUpstream(backend, one, isolate));
    return createApp({ upstreams, log, now, sink: () => undefined });
  });
  return {
    async send(which, request) {
      const pending: Promise<unknown>[] = [];
      const waitUntil = (work: Promise<unknown>) => void pending.push(work);
      const execution = { waitUntil, passThroughOnException: () => undefined, props: {} };
      const answer = await apps[Math.floor(which * apps.length)]?.fetch(request, {}, execution);
      if (!answer) throw new RangeError('isolates: expected at least one');
      await answer.arrayBuffer();
      // What is done after the reply may begin more of it.
      for (let work = pending.pop(); work; work = pending.pop()) await work;
      return answer;
    },
  };
}

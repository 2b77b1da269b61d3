import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Content, image, OCI, publish } from './support/contents.ts';
import { request } from './support/http.ts';
import { type Several, startSeveral } from './support/several.ts';
import { describeWith } from './support/tools.ts';

const CONTENT: Content = image('load');
const NAMES = Array.from({ length: 40 }, (_, n) => `team/n${n}`);
const ACCEPT = { accept: OCI.manifest };
/** How many requests for each registry are under way at any time. */
const CALLERS = 8;
const PHASE_MS = 4_000;
/** On two cores that everything shares; an upstream that waited for the other one would need 30 s. */
const SLOWER = 3;

interface Load {
  readonly times: number[];
  readonly failures: string[];
}

/** Asks for cold and warm content of one registry, all the time, until it is told to stop. */
function startLoad(urlOf: (path: string) => string, signal: AbortSignal): Load & { readonly over: Promise<unknown> } {
  const load: Load = { times: [], failures: [] };
  let count = 0;
  async function call(): Promise<void> {
    while (!signal.aborted) {
      const name = NAMES[count++ % NAMES.length] ?? '';
      const path =
        count % 3 === 0
          ? `${name}/manifests/latest`
          : `${name}/blobs/${CONTENT.blobs[count % CONTENT.blobs.length]?.digest}`;
      const startedAt = performance.now();
      try {
        const { status } = await request('HEAD', urlOf(path), { headers: ACCEPT });
        if (status !== 200) load.failures.push(`${status} ${path}`);
      } catch (error) {
        load.failures.push(String(error));
      }
      load.times.push(performance.now() - startedAt);
    }
  }
  return { ...load, over: Promise.all(Array.from({ length: CALLERS }, call)) };
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * share)] ?? 0;
}

describeWith(['docker-registry', 'registry'], 'two registries behind one edge, under load', () => {
  let several: Several;
  beforeAll(async () => {
    several = await startSeveral({ LOG_LEVEL: 'error' });
    for (const name of NAMES) {
      for (const registry of [several.three, several.two]) await publish(registry.url, name, CONTENT, 'latest');
    }
  });

  test('one that hangs, and then is gone, changes nothing for the other', { timeout: 60_000 }, async () => {
    const stopping = new AbortController();
    const start = (name: 'three' | 'two') =>
      startLoad((path) => `http://${several.hostOf(name)}/v2/${path}`, stopping.signal);
    const [healthy, failing] = [start('three'), start('two')];
    await delay(PHASE_MS);
    const before = healthy.times.splice(0);
    several.two.pause();
    await delay(PHASE_MS);
    several.two.resume();
    await several.two.stop();
    await delay(PHASE_MS);
    const after = healthy.times.splice(0);
    stopping.abort();
    await Promise.all([healthy.over, failing.over]);
    console.log(
      `before: ${before.length}, median ${quantile(before, 0.5).toFixed(1)} ms, 99 % within ${quantile(before, 0.99).toFixed(1)} ms;`,
      `after: ${after.length}, median ${quantile(after, 0.5).toFixed(1)} ms, 99 % within ${quantile(after, 0.99).toFixed(1)} ms;`,
      `the other one: ${failing.failures.length} failures of ${failing.times.length}`,
    );
    expect(healthy.failures).toEqual([]);
    expect(failing.failures.length).toBeGreaterThan(0);
    expect(quantile(after, 0.5)).toBeLessThan(SLOWER * quantile(before, 0.5));
    expect(quantile(after, 0.99)).toBeLessThan(SLOWER * quantile(before, 0.99));
  });
});

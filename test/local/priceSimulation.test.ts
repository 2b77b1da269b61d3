import { beforeAll, describe, expect, it } from 'vitest';
import { choicesReport } from '../../local/price/choices.ts';
import type { KnownStore } from '../../local/price/costs.ts';
import { readOptions } from '../../local/price/options.ts';
import { createRandom, createZipf } from '../../local/price/simulation/random.ts';
import { type Simulated, simulate } from '../../local/price/simulation/simulate.ts';
import { createTraffic } from '../../local/price/simulation/traffic.ts';

const SHAPE = { requests: 1e7, pushes: 100_000, layers: 3, seed: 7, repositories: 20, fleet: 10, sample: 1_000 };

/** A simulation takes half a second, and much more on a busy machine. */
const LIMIT_MS = 60_000;

function run(variables: Record<string, string> = {}, store: KnownStore = 'durable'): Promise<Simulated> {
  return simulate({ shape: SHAPE, store, isolates: 2, variables });
}

describe('the traffic of a simulation', () => {
  it('is decided by its seed, and in the order of time', () => {
    expect(createTraffic(SHAPE)).toEqual(createTraffic(SHAPE));
    expect(createTraffic({ ...SHAPE, seed: 8 })).not.toEqual(createTraffic(SHAPE));
    const times = createTraffic(SHAPE).jobs.map(({ at }) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('has as many pulls and pushes as the part of the month has', () => {
    const { jobs, lengthMs } = createTraffic(SHAPE);
    const part = lengthMs / (30 * 86_400_000);
    const pushes = jobs.filter(({ kind }) => kind === 'push').length;
    expect(pushes).toBe(Math.round(SHAPE.pushes * part));
    // Two questions for each pull, and one for each blob of a push.
    expect((jobs.length - pushes) * 2 + pushes * 4).toBeGreaterThan(SHAPE.sample * 0.95);
    expect((jobs.length - pushes) * 2 + pushes * 4).toBeLessThan(SHAPE.sample * 1.05);
  });

  it('has repositories of which the second is half as busy as the first', () => {
    const zipf = createZipf(10, createRandom(3));
    const drawn = Array.from({ length: 20_000 }, () => zipf.draw());
    const share = (rank: number) => drawn.filter((one) => one === rank).length / drawn.length;
    for (const rank of [0, 1, 4, 9]) expect(Math.abs(share(rank) - zipf.share(rank))).toBeLessThan(0.02);
    expect(zipf.share(0) / zipf.share(1)).toBeCloseTo(2);
  });
});

describe('a simulation', { timeout: LIMIT_MS }, () => {
  let usual: Simulated;
  let long: Simulated;
  beforeAll(async () => {
    [usual, long] = [await run(), await run({ TAG_TTL: '10m' })];
  }, LIMIT_MS);

  it('ends with the same figures each time', async () => {
    expect(await run()).toEqual(usual);
  });

  it('has more hits of tags with a longer TAG_TTL, and asks the origin less', async () => {
    const never = await run({ TAG_TTL: '0' });
    expect(never.tallies.pull.hits).toBeLessThan(usual.tallies.pull.hits);
    expect(usual.tallies.pull.hits).toBeLessThan(long.tallies.pull.hits);
    expect(never.originQuestions).toBeGreaterThan(usual.originQuestions);
    expect(usual.originQuestions).toBeGreaterThan(long.originQuestions);
    // With TAG_TTL=0, each pull asks the origin for its tag.
    expect(never.tallies.pull.hits).toBeLessThanOrEqual(never.tallies.pull.asked / 2);
  });

  it('has no hits of pushes with PUSH_EXISTENCE_TTL=0, and none for what is new otherwise', async () => {
    const never = await run({ PUSH_EXISTENCE_TTL: '0' });
    expect(never.tallies.push).toMatchObject({ asked: usual.tallies.push.asked, hits: 0 });
    expect(usual.tallies.push.hits).toBeGreaterThan(0);
    // Of an image of three layers, the config and the last layer are new.
    expect(usual.tallies.push.hits).toBeLessThanOrEqual(usual.tallies.push.asked / 2);
  });

  it('asks the store for everything where isolates remember nothing', async () => {
    const without = await run({ MEMORY_TTL: '0' });
    expect(without.tallies.pull.fromMemory).toBe(0);
    expect(usual.tallies.pull.fromMemory).toBeGreaterThan(0);
    expect(without.cost.operations.reads).toBeGreaterThan(usual.cost.operations.reads);
  });

  it('keeps tags in each isolate where the store is KV, and leaves the network as it was', async () => {
    const own = globalThis.fetch;
    const kv = await run({ TAG_TTL: '10m' }, 'kv');
    expect(kv.originQuestions).toBeGreaterThan(long.originQuestions);
    expect(globalThis.fetch).toBe(own);
  });

  it.each([
    ['a fleet that is larger than all pulls', ['--requests', '1000', '--fleet', '1000', '--pushes', '0']],
    ['a sample without a fleet', ['--requests', '1e7', '--fleet', '1000', '--sample', '100', '--pushes', '0']],
  ])('of nobody is refused: %s', async (_what, args) => {
    await expect(choicesReport(readOptions(['--simulate', ...args]))).rejects.toThrow('--requests: nobody would');
  });

  it('is printed with a line for each choice of TTLs', async () => {
    const args = ['--simulate', '--requests', '1e7', '--sample', '300', '--repositories', '5', '--ttl', 'TAG_TTL=1m'];
    const [, , ...lines] = (await choicesReport(readOptions(args))).split('\n');
    expect(lines[0]).toMatch(/^\| by default +\| [\d.]+ % +\| .+\$[\d.]+ +\|$/);
    expect(lines[1]).toMatch(/^\| TAG_TTL=1m +\|/);
    await expect(choicesReport(readOptions([...args, '--ttl', 'TAG_TTL=soon']))).rejects.toThrow('TAG_TTL: expected');
  });
});

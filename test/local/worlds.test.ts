import { describe, expect, it } from 'vitest';
import { differences } from '../e2e/support/worlds/compare.ts';
import { generateSteps } from '../e2e/support/worlds/generate.ts';
import { minimise } from '../e2e/support/worlds/minimise.ts';
import { describeStep } from '../e2e/support/worlds/step.ts';

const HUNDRED = Array.from({ length: 100 }, (_, at) => at);
const LIMIT_MS = 10_000;

describe('the search for the shortest sequence', () => {
  it('leaves what the failure needs, in its order', async () => {
    let replays = 0;
    const fails = async (rest: readonly number[]) => {
      replays++;
      return [17, 63, 64].every((needed) => rest.includes(needed));
    };

    expect(await minimise(HUNDRED, fails, LIMIT_MS)).toEqual([17, 63, 64]);
    expect(replays).toBeLessThan(60);
  });

  it('leaves out what only another item needed', async () => {
    // Either 5 fails with 50, or 80 fails alone.
    const fails = async (rest: readonly number[]) => rest.includes(80) || (rest.includes(5) && rest.includes(50));
    expect(await minimise(HUNDRED, fails, LIMIT_MS)).toEqual([80]);
  });

  it('begins no replay after its time', async () => {
    expect(await minimise(HUNDRED, async () => true, 0)).toEqual(HUNDRED);
  });
});

describe('a random sequence', () => {
  const textOf = (count: number, run: string, seed = 7) => generateSteps(seed, count, run).map(describeStep);

  it('of the same seed and run is the same, and a longer one begins with the shorter', () => {
    expect(textOf(400, 'r0').slice(0, 250)).toEqual(textOf(250, 'r0'));
    expect(textOf(250, 'r0', 8)).not.toEqual(textOf(250, 'r0'));
  });

  it('of another run has the same requests about other names and content', () => {
    const shapeOf = (run: string) => generateSteps(7, 400, run).map(({ route, method, edge }) => [route, method, edge]);
    expect(shapeOf('r1')).toEqual(shapeOf('r0'));
    expect(textOf(400, 'r1').join('\n')).not.toMatch(/\br0\b/);
  });
});

describe('the comparison of two answers', () => {
  const reply = { status: 200, headers: { etag: '"x"', date: 'now' }, body: 'a', isHit: false };

  it('names each field that differs, and nothing that differs by its nature', () => {
    const other = { status: 404, headers: { 'content-type': 'text/plain', date: 'later' }, body: 'a', isHit: true };
    expect(differences(reply, reply)).toEqual([]);
    expect(differences(reply, other)).toEqual([
      { field: 'status', alone: '200', edge: '404' },
      { field: 'content-type', alone: undefined, edge: 'text/plain' },
      { field: 'etag', alone: '"x"', edge: undefined },
    ]);
  });
});

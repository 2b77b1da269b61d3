import { beforeEach, describe, expect, it } from 'vitest';
import { delay } from '../../src/async.ts';
import type { RepositoryName } from '../../src/oci/name.ts';
import type { Pull } from '../../src/pulls/counter.ts';
import { type OpenLease, PullLeases } from '../../src/pulls/leases.ts';
import { type Clock, createClock } from '../support/context.ts';
import { uniqueDigest } from '../support/digests.ts';

const DIGEST = uniqueDigest();
const PULLED = { digest: DIGEST, mediaType: 'application/json' };
const pullOf = (reference: string, more: Partial<Pull> = {}): Pull => ({
  ...{ name: 'team/app' as RepositoryName, reference, isTag: !reference.includes(':') },
  ...{ isSparable: false, insists: false, ...more },
});

let clock: Clock;
let leases: PullLeases;
beforeEach(() => {
  clock = createClock();
  leases = new PullLeases(clock.now);
});

async function taken(pull: Pull): Promise<OpenLease> {
  const lease = await leases.take(pull);
  if ('digest' in lease) throw new Error('expected a lease');
  return lease;
}

/** Takes a pull, and shows whether that is still waiting. */
function taking(pull: Pull) {
  let result: OpenLease | typeof PULLED | undefined;
  const work = leases.take(pull).then((lease) => {
    result = lease;
    return lease;
  });
  return { work, isWaiting: () => delay(5).then(() => result === undefined) };
}

describe('leases of pulls', () => {
  it('let one pull, and tell the others what it has pulled', async () => {
    const lease = await taken(pullOf('latest'));
    const others = [1, 2, 3].map(() => taking(pullOf('latest')));
    for (const { isWaiting } of others) expect(await isWaiting()).toBe(true);
    leases.end(lease, PULLED);
    expect(await Promise.all(others.map(({ work }) => work))).toEqual([PULLED, PULLED, PULLED]);
    expect(leases.open).toBe(0);
  });

  it('tell for five minutes what was pulled, by its tag and by its digest', async () => {
    leases.end(await taken(pullOf('latest')), PULLED);
    clock.advance(299_999);
    expect(await leases.take(pullOf('latest'))).toEqual(PULLED);
    expect(await leases.take(pullOf(DIGEST))).toEqual(PULLED);
    clock.advance(1);
    expect(await leases.take(pullOf('latest'))).toMatchObject({ takenAt: clock.now() });
  });

  it('keep nobody waiting who pulls something else, in this repository or another', async () => {
    await taken(pullOf('latest'));
    await taken(pullOf('v1'));
    await taken(pullOf('latest', { name: 'team/other' as RepositoryName }));
    expect(leases.open).toBe(3);
  });

  it('let whoever pulls a digest wait for a tag, which may lead to it', async () => {
    const lease = await taken(pullOf('latest'));
    const [same, other] = [taking(pullOf(DIGEST)), taking(pullOf(uniqueDigest()))];
    expect([await same.isWaiting(), await other.isWaiting()]).toEqual([true, true]);
    leases.end(lease, PULLED);
    expect(await same.work).toEqual(PULLED);
    expect(await other.work).toMatchObject({ pull: { isTag: false } });
  });

  it('tell whoever pulls a tag the digest that was just pulled: the tag may lead to it', async () => {
    const lease = await taken(pullOf(DIGEST));
    const tag = taking(pullOf('latest'));
    expect(await tag.isWaiting()).toBe(true);
    leases.end(lease, PULLED);
    expect(await tag.work).toEqual(PULLED);
  });

  it('let a digest wait for tags only once, however many strangers ask for', async () => {
    const [one, two] = [await taken(pullOf('one')), await taken(pullOf('two'))];
    const digest = taking(pullOf(DIGEST));
    expect(await digest.isWaiting()).toBe(true);
    leases.end(one, 'refused');
    expect(await digest.work).toMatchObject({ pull: { reference: DIGEST } });
    leases.end(two, 'refused');
  });

  it('let all ask at once, each for itself, if the origin refused', async () => {
    const lease = await taken(pullOf('latest'));
    const others = [1, 2].map(() => taking(pullOf('latest')));
    await delay(1);
    leases.end(lease, 'refused');
    for (const { work } of others) expect(await work).toMatchObject({ pull: { reference: 'latest' } });
    expect(leases.open).toBe(2);
  });

  it('let one of those who wait take the place of whoever is gone', async () => {
    const lease = await taken(pullOf('latest'));
    const [next, last] = [taking(pullOf('latest')), taking(pullOf('latest'))];
    await delay(1);
    leases.end(lease, 'lost');
    const second = (await next.work) as OpenLease;
    expect([second.pull.reference, await last.isWaiting()]).toEqual(['latest', true]);
    leases.end(second, PULLED);
    expect(await last.work).toEqual(PULLED);
  });

  it('let whoever insists pull, whatever was told and whoever else pulls', async () => {
    leases.end(await taken(pullOf('latest')), PULLED);
    expect(await leases.take(pullOf('latest', { insists: true }))).toMatchObject({ pull: { insists: true } });
    expect(await leases.take(pullOf('latest', { insists: true }))).toMatchObject({ pull: { insists: true } });
  });

  it('end by themselves: by the clock, or by a timer for those who wait', async () => {
    const lost = await taken(pullOf('latest'));
    clock.advance(8_000);
    const second = await taken(pullOf('latest'));
    expect([second === lost, leases.open]).toEqual([false, 1]);
    const startedAt = performance.now();
    await taken(pullOf('latest'));
    expect(performance.now() - startedAt).toBeGreaterThan(7_900);
    expect(performance.now() - startedAt).toBeLessThan(9_000);
  });

  it('tell what was pulled also if that took so long that somebody took the place of whoever pulled it', async () => {
    const slow = await taken(pullOf('latest'));
    clock.advance(8_000);
    const second = await taken(pullOf('latest'));
    const third = taking(pullOf('latest'));
    expect(await third.isWaiting()).toBe(true);
    leases.end(slow, PULLED);
    expect(await third.work).toEqual(PULLED);
    expect(leases.open).toBe(1);
    leases.end(second, 'refused');
    expect(leases.open).toBe(0);
  });

  it('are bounded: beyond a thousand, nobody is kept waiting', async () => {
    for (let n = 0; n < 1_001; n++) await taken(pullOf(`t${n}`));
    expect(leases.open).toBe(1_000);
    await taken(pullOf('t1000'));
  });
});

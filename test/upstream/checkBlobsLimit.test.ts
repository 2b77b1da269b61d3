import { afterEach, expect, it, vi } from 'vitest';
import { headEach, manifestNaming, newImage, put } from '../support/commit.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { rig } from '../support/push.ts';
import { STORES } from '../support/stores.ts';

/** How many requests a Worker of the free plan may make for one of its own, those to Redis included. */
const MAX_SUBREQUESTS = 50;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Makes every request to the edge fail beyond the limit, as the platform does. @returns what begins a new request */
function limitSubrequests(): () => void {
  const fetchAsIs = globalThis.fetch;
  let made = 0;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = String(input instanceof Request ? input.url : input);
    if (!url.includes('/_rig/') && ++made > MAX_SUBREQUESTS) throw new Error('Too many subrequests.');
    return fetchAsIs(input, init);
  });
  return () => {
    made = 0;
  };
}

/** Pushes until it succeeds. @returns the statuses */
async function pushUntilDone(edge: Edge, manifest: Parameters<typeof put>[1]): Promise<number[]> {
  const begin = limitSubrequests();
  const statuses: number[] = [];
  while (statuses.length < 40 && statuses.at(-1) !== 201) {
    begin();
    statuses.push((await put(edge, manifest)).status);
  }
  return statuses;
}

it.each(STORES)(
  'with 50 requests for each push, every attempt at 200 redirected layers gets further, before the cache in $name',
  { timeout: 120_000 },
  async ({ variables, like }) => {
    const { blobs } = await newImage(199);
    const name = blobs[0]?.name as string;
    const storage = `/storage/${crypto.randomUUID()}`;
    const found = { 'content-length': '36', 'content-type': 'application/octet-stream' };
    await rig.rule({ prefix: storage, status: 200, headers: found });
    await rig.rule({ prefix: `/v2/${name}/blobs/`, method: 'HEAD', status: 307, headers: { location: storage } });
    const edge = createEdge({ ...variables, REDIRECT_HOSTS: '127.0.0.1' });
    await earnGrant(edge, { name });
    const manifest = await manifestNaming(blobs);
    const statuses = await pushUntilDone(edge, manifest);
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([502]));
    expect(statuses.at(-1)).toBe(201);
    expect(statuses.length).toBeLessThanOrEqual(like === 'redis' ? 16 : 10);
    expect(await headEach(edge, blobs.slice(0, 1))).toEqual([200]);
  },
);

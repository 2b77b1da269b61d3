import { afterEach, describe, expect, it, vi } from 'vitest';
import { meteredBucket } from '../../support/bytes.ts';
import { demandToken } from '../../support/demandToken.ts';
import { type PushedImage, pushImage, pushIndex } from '../../support/images.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { STORES } from '../../support/stores.ts';

const MOST = 40;
const WITHOUT_MEMORY = { MEMORY_TTL: '0' };
const COOLED = { COOLDOWN: '3d' };

interface Answer {
  readonly done: { manifests: number; blobs: number };
  readonly errors: readonly { error: string }[];
  readonly cursor?: string;
}

/** Warms images piece by piece. @returns what each piece cost: all requests to anybody */
async function costsOf(store: string, images: readonly string[], variables: Record<string, string>) {
  const { bucket, spent } = meteredBucket();
  const options = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', ADMIN_TOKEN, ...variables };
  const edge = createMeteredEdge(store, options, { bucket });
  const sent = vi.spyOn(globalThis, 'fetch');
  const costs: number[] = [];
  const sum = { manifests: 0, blobs: 0 };
  let cursor: string | undefined;
  do {
    edge.spent();
    spent();
    sent.mockClear();
    const body = JSON.stringify({ images, cursor });
    const response = await edge.fetch('/_edge/warm', { method: 'POST', headers: OPERATOR, body });
    const fetches = sent.mock.calls.length;
    costs.push(fetches + spent().length + (store === 'redis' ? 0 : edge.spent().storeRequests));
    const { done, errors, cursor: next } = (await response.json()) as Answer;
    expect(errors).toEqual([]);
    sum.manifests += done.manifests;
    sum.blobs += done.blobs;
    cursor = next;
  } while (cursor !== undefined);
  return { costs, sum };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORES)('a piece of warming, cache in $name', ({ name: store }) => {
  const variants: [string, Record<string, string>][] = [
    ['as it is', {}],
    ['without memory', WITHOUT_MEMORY],
    ['with bytes', { ...WITHOUT_MEMORY, BLOB_STORE: 'r2' }],
  ];
  if (store === 'durable') variants.push(['under a cooldown', { ...COOLED, ...WITHOUT_MEMORY }]);

  it.each(variants)('costs at most 40 requests where a token is demanded, %s', async (_what, variables) => {
    const index = await pushIndex(['linux/amd64', 'linux/arm64'], 20);
    const { variables: demanded } = await demandToken(index.name);
    const { costs, sum } = await costsOf(store, [index.name], { ...demanded, ...variables });
    expect(Math.max(...costs)).toBeLessThanOrEqual(MOST);
    expect(sum).toEqual({ manifests: 3, blobs: 42 });
  });

  it.each(variants)('costs at most 40 requests for many small images, %s', async (_what, variables) => {
    const images: PushedImage[] = [];
    for (let n = 0; n < 12; n++) images.push(await pushImage(1));
    const { costs, sum } = await costsOf(
      store,
      images.map(({ name }) => name),
      variables,
    );
    expect(Math.max(...costs)).toBeLessThanOrEqual(MOST);
    expect(sum).toEqual({ manifests: 12, blobs: 24 });
  });
});

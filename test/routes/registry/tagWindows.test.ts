import { describe, expect, it } from 'vitest';
import { createEdge } from '../../support/edge.ts';
import { pushManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import { isHit } from '../../support/warm.ts';

const HOUR_MS = 3_600_000;
const OPEN = { CLIENT_AUTH: 'anonymous', DESCRIPTOR_TTL: '1h', STALE_IF_ERROR: '0' };

describe.each(STORES)('a tag of TAG_TTLS, cache in $name', ({ variables }) => {
  it.each(['10s', '0'])('answers for as long as it says, and others for TAG_TTL=%s', async (TAG_TTL) => {
    const [declared, other] = [await pushManifest({ tag: 'v1' }), await pushManifest()];
    const edge = createEdge({ ...variables, ...OPEN, TAG_TTL, TAG_TTLS: 'v*=1d' });
    for (const { tagPath } of [declared, other]) await isHit(edge, tagPath);
    edge.clock.advance(23 * HOUR_MS);
    expect([await isHit(edge, declared.tagPath), await isHit(edge, other.tagPath)]).toEqual([true, false]);
    edge.clock.advance(HOUR_MS);
    expect(await isHit(edge, declared.tagPath)).toBe(false);
  });
});

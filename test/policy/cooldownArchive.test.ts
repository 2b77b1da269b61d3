import { describe, expect, it } from 'vitest';
import { cooled, DAY_MS, move, pull } from '../support/cooldown.ts';
import { rig } from '../support/push.ts';
import { pushManifest } from '../support/pushManifest.ts';

const ARCHIVE = { KEEP_DELETED: 'keep', STALE_IF_ERROR: '365d' };

describe('a tag under a cooldown, in an archive (KEEP_DELETED=keep)', () => {
  it('leads on to what was held when the origin deletes it, and never to what was too new then', async () => {
    const old = await pushManifest();
    const edge = cooled(ARCHIVE);
    expect(await pull(edge, old)).toBe(old.bytes);
    await move(edge, old);
    expect(await pull(edge, old)).toBe(old.bytes);
    await rig.rule({ prefix: `/v2/${old.name}/`, status: 404 });
    for (const days of [0, 4, 30, 30, 30]) {
      edge.clock.advance(days * DAY_MS);
      expect([days, await pull(edge, old)]).toEqual([days, old.bytes]);
    }
  });

  it('begins anew with what is back, since the origin had deleted it', async () => {
    const old = await pushManifest();
    const edge = cooled(ARCHIVE);
    await pull(edge, old);
    const moved = await move(edge, old);
    await pull(edge, old);
    await rig.rule({ prefix: `/v2/${old.name}/`, status: 404 });
    edge.clock.advance(1);
    await pull(edge, old);
    edge.clock.advance(4 * DAY_MS);
    await rig.forget(`/v2/${old.name}/`);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, old)).toBe(moved.bytes);
  });
});

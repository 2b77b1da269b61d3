import { describe, expect, it } from 'vitest';
import { IMAGE_TYPES } from '../../src/oci/mediaTypes.ts';
import { createClock } from '../support/context.ts';
import { cooled, DAY_MS, move, pull, toldBy } from '../support/cooldown.ts';
import { createEdge, type Edge, stableHeaders } from '../support/edge.ts';
import { manifestRequest, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { usersWith } from '../support/users.ts';

describe('a cooldown', () => {
  it('is for callers that only pull', async () => {
    const old = await pushManifest();
    const repositories = [old.name];
    const { variables, logins } = await usersWith({
      puller: { pull: repositories },
      pusher: { pull: repositories, push: repositories },
    });
    const edge = createEdge({ ...variables, COOLDOWN: '3d', TAG_TTL: '0' });
    expect([await pull(edge, old, logins.puller), await pull(edge, old)]).toEqual([old.bytes, 401]);
    const moved = await move(edge, old);
    expect(await pull(edge, old, logins.puller)).toBe(old.bytes);
    expect(await pull(edge, old, logins.pusher)).toBe(moved.bytes);
  });

  it('is for the tags that are named, and by default for no signatures', async () => {
    const [named, other] = [await pushManifest(), await pushManifest({ tag: 'v1' })];
    const edge = cooled({ COOLDOWN_TAGS: 'latest', COOLDOWN_UNKNOWN: 'deny' });
    expect([await pull(edge, named), await pull(edge, other)]).toEqual([403, other.bytes]);
    const signature = await pushManifest({ tag: `${other.digest.replace(':', '-')}.sig` });
    expect(await pull(cooled({ COOLDOWN_UNKNOWN: 'deny' }), signature)).toBe(signature.bytes);
  });

  it('leaves digests alone, unless COOLDOWN_DIGESTS says otherwise', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const [open, closed] = [cooled({}, { clock }), cooled({ COOLDOWN_DIGESTS: 'true' }, { clock })];
    await pull(open, old);
    const moved = await move(open, old);
    const unseen = await pushManifest({ name: old.name, tag: 'unseen' });
    await pull(open, old);
    const statusOf = async (edge: Edge, { path }: PushedManifest) =>
      (await edge.fetch(path, manifestRequest('GET'))).status;
    expect(await statusOf(open, moved)).toBe(200);
    expect([await statusOf(closed, moved), toldBy(closed)]).toEqual([403, 'COOLDOWN']);
    expect([await statusOf(closed, old), await statusOf(closed, unseen)]).toEqual([200, 200]);
    clock.advance(3 * DAY_MS);
    await pull(open, old);
    expect(await statusOf(closed, moved)).toBe(200);
  });

  it('that is only reported changes no answer, and tells each that it would have changed', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const free = createEdge({ CLIENT_AUTH: 'anonymous', TAG_TTL: '0' }, { clock });
    const reporting = cooled({ POLICY_MODE: 'report', COOLDOWN_DIGESTS: 'true' }, { clock });
    const both = async (path: string) => {
      const answers = [
        await free.fetch(path, manifestRequest('GET', IMAGE_TYPES.join())),
        await reporting.fetch(path, manifestRequest('GET', IMAGE_TYPES.join())),
      ];
      const shown = await Promise.all(answers.map(async (one) => [one.status, stableHeaders(one), await one.text()]));
      expect(shown[1]).toEqual(shown[0]);
      return toldBy(reporting);
    };
    expect(await both(old.tagPath)).toBe(undefined);
    const moved = await move(free, old);
    expect([await both(old.tagPath), await both(moved.path), await both(old.path)]).toEqual([
      ...['COOLDOWN', 'COOLDOWN', undefined],
    ]);
    expect(await both(`${old.tagPath}?x=1`)).toBe('COOLDOWN');
    clock.advance(3 * DAY_MS);
    expect([await both(old.tagPath), await both(moved.path)]).toEqual([undefined, undefined]);
  });
});

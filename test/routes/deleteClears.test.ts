import { describe, expect, it } from 'vitest';
import { someDigest } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';

/** Both link sets. */
const ONCE = ['done', 'done'];
const TWICE = [...ONCE, ...ONCE];

describe('deleteContent: what is cleared, by the answer to the DELETE and whether the caller had a grant', () => {
  it.each<[number, string, boolean, readonly string[]]>([
    [202, 'granted', true, TWICE],
    [202, 'a stranger to the HEAD', false, ONCE],
    [204, 'granted', true, TWICE],
    [404, 'granted', true, TWICE],
    [404, 'a stranger', false, []],
    [401, 'granted', true, ONCE],
    [401, 'a stranger', false, []],
    [403, 'granted', true, ONCE],
    [403, 'a stranger', false, []],
    [405, 'granted', true, ONCE],
    [405, 'a stranger', false, []],
    [307, 'a stranger', false, []],
    [408, 'granted', true, TWICE],
    [408, 'a stranger', false, []],
    [504, 'granted', true, TWICE],
    [504, 'a stranger', false, []],
  ])('%i, %s', async (status, _who, isGranted, expected) => {
    const { name } = await pushBlob();
    const path = `/v2/${name}/blobs/${someDigest()}`;
    const edge = createEdge();
    if (isGranted) await grant(edge, { name });
    // Neither yes nor no.
    for (const method of ['HEAD', 'GET']) await rig.rule({ prefix: path, method, status: 405 });
    await rig.rule({ prefix: path, method: 'DELETE', status, headers: { location: '/elsewhere' } });
    expect((await edge.fetch(path, { method: 'DELETE' })).status).toBe(status);
    const clears = edge.log.flatMap((line) => {
      const { kind, outcome } = JSON.parse(line) as Record<string, string>;
      return kind === 'clear' || kind === 'bury' ? [outcome] : [];
    });
    expect(clears).toEqual(expected);
  });
});

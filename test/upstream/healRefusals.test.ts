import { describe, expect, it } from 'vitest';
import { createEdge } from '../support/edge.ts';
import { ALL, errorOf, isThere, knownOf, push, refuses, someImage, UNNAMED } from '../support/healing.ts';

const MIB = 1_048_576;
const LACKING = errorOf('MANIFEST_BLOB_UNKNOWN');

describe('a manifest that the origin refuses', () => {
  // As registries say it that lack a layer: zot, Quay, Artifactory, ECR, and what has been seen of others.
  it.each<[string, number, string]>([
    ['MANIFEST_INVALID', 400, errorOf('MANIFEST_INVALID')],
    ['BLOB_UPLOAD_UNKNOWN', 404, errorOf('BLOB_UPLOAD_UNKNOWN')],
    ['DENIED', 400, errorOf('DENIED')],
    ['UNSUPPORTED', 405, errorOf('UNSUPPORTED')],
    ['a 408', 408, ''],
    ['a 409', 409, LACKING],
    ['a 412', 412, 'precondition failed'],
    ['a 413', 413, ''],
    ['a 422', 422, '{}'],
    ['a 500', 500, LACKING],
    ['a 502', 502, '<html>'],
    ['a 503', 503, 'unknown blob'],
    ['a 504', 504, ''],
    ['nothing', 400, ''],
    ['what is no JSON', 400, `${LACKING},`],
    ['null', 400, 'null'],
    ['more than 1 MiB', 400, LACKING.padEnd(MIB + 1)],
  ])('in whatever words: what it names is forgotten: %s', async (_what, status, body) => {
    const image = await someImage();
    await isThere(image);
    const edge = createEdge();
    await knownOf(edge, image);
    await refuses(image, { status, body });
    const { answer, over } = push(edge, image);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([status, body]);
    await over;
    expect(await knownOf(edge, image)).toEqual(UNNAMED);
  });

  it.each<[string, number]>([
    ['who asks', 401],
    ['what the caller may', 403],
    ['how often', 429],
    ['where to ask', 307],
  ])('for %s: nothing is forgotten: %i', async (_what, status) => {
    const image = await someImage();
    await isThere(image);
    const edge = createEdge();
    await knownOf(edge, image);
    await refuses(image, { status, body: LACKING });
    const { answer, over } = push(edge, image);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([status, LACKING]);
    await over;
    expect(await knownOf(edge, image)).toEqual(ALL);
  });
});

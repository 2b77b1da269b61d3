import { describe, expect, it } from 'vitest';
import {
  ALL_PARTS,
  cachedImage,
  errorBody,
  headParts,
  NOT_IN_MANIFEST,
  push,
  stubManifestRefusal,
} from '../support/healing.ts';

const MIB = 1_048_576;
const BLOB_UNKNOWN = errorBody('MANIFEST_BLOB_UNKNOWN');

describe('a refused manifest', () => {
  // What registries answer if a layer is missing: zot, Quay, Artifactory, ECR, and what others were seen to answer.
  it.each<[string, number, string]>([
    ['MANIFEST_INVALID', 400, errorBody('MANIFEST_INVALID')],
    ['BLOB_UPLOAD_UNKNOWN', 404, errorBody('BLOB_UPLOAD_UNKNOWN')],
    ['DENIED', 400, errorBody('DENIED')],
    ['UNSUPPORTED', 405, errorBody('UNSUPPORTED')],
    ['a 408', 408, ''],
    ['a 409', 409, BLOB_UNKNOWN],
    ['a 412', 412, 'precondition failed'],
    ['a 413', 413, ''],
    ['a 422', 422, '{}'],
    ['a 500', 500, BLOB_UNKNOWN],
    ['a 502', 502, '<html>'],
    ['a 503', 503, 'unknown blob'],
    ['a 504', 504, ''],
    ['an empty body', 400, ''],
    ['a body that is not JSON', 400, `${BLOB_UNKNOWN},`],
    ['null as body', 400, 'null'],
    ['a body of more than 1 MiB', 400, BLOB_UNKNOWN.padEnd(MIB + 1)],
  ])('evicts all that it names, whatever the refusal says: %s', async (_what, status, body) => {
    const { edge, image } = await cachedImage();
    await stubManifestRefusal(image, { status, body });
    const { answer, over } = push(edge, image);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([status, body]);
    await over;
    expect(await headParts(edge, image)).toEqual(NOT_IN_MANIFEST);
  });

  it.each<[string, number]>([
    ['the credential', 401],
    ['the caller’s rights', 403],
    ['a rate limit', 429],
    ['the address', 307],
  ])('evicts nothing, if the answer concerns %s: %i', async (_what, status) => {
    const { edge, image } = await cachedImage();
    await stubManifestRefusal(image, { status, body: BLOB_UNKNOWN });
    const { answer, over } = push(edge, image);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([status, BLOB_UNKNOWN]);
    await over;
    expect(await headParts(edge, image)).toEqual(ALL_PARTS);
  });
});

import { describe, expect, it } from 'vitest';
import { accepts, isCommonVariant, variantOf } from '../../src/oci/mediaTypes.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

describe('accepts', () => {
  it.each<[string | null, string, boolean]>([
    [OCI, OCI, true],
    [`${INDEX}, ${OCI}`, OCI, true],
    [`${INDEX},${OCI},${DOCKER}`, OCI, true],
    [`  ${OCI}  `, OCI, true],
    [`\t${INDEX} ,\t${OCI}\t;q=1`, OCI, true],
    [`${OCI};q=0.1`, OCI, true],
    [`${OCI};q=0.001, */*;q=0.1`, OCI, true],
    [`${OCI};charset=utf-8;q=0.9`, OCI, true],
    [`${OCI}; q=1.0`, `${OCI}; charset=utf-8`, true],
    [`,, ,${OCI},`, OCI, true],
    ['application/json', 'application/json;profile="x"', true],
    // Named and refused.
    [`${OCI};q=0`, OCI, false],
    [`${OCI} ; q=0.0`, OCI, false],
    [`${OCI};q=0.000`, OCI, false],
    [`${OCI};Q=0`, OCI, false],
    [`${OCI};charset=utf-8;q=0`, OCI, false],
    // Not named.
    [INDEX, OCI, false],
    [DOCKER, OCI, false],
    [`${OCI}x, x${OCI}`, OCI, false],
    [OCI.slice(0, -1), OCI, false],
    [OCI, OCI.slice(0, -1), false],
    [OCI.toUpperCase(), OCI, false],
    [`text/html;a=${OCI}`, OCI, false],
    // Wildcards name nothing.
    ['*/*', OCI, false],
    ['application/*', OCI, false],
    ['*', OCI, false],
    // The header is missing or empty.
    [null, OCI, false],
    ['', OCI, false],
    [' ', OCI, false],
    [',;q=1', OCI, false],
    ['', '', false],
  ])('%j accepts %s: %s', (accept, mediaType, expected) => {
    expect(accepts(accept, mediaType)).toBe(expected);
  });
});

describe('variantOf', () => {
  it.each<[what: string, string | null, string | null]>([
    ['in another order', `${OCI}, ${INDEX},${DOCKER}`, `${DOCKER}, ${OCI}, ${INDEX}`],
    ['with other white space between them', ` ${OCI} ,\t${INDEX};q=0.5`, `${OCI},${INDEX};q=0.5 `],
    ['named twice', `${OCI},${INDEX},${OCI}`, `${INDEX},${OCI}`],
    ['in headers of their own, which are joined', [OCI, INDEX].join(', '), [INDEX, OCI].join(',')],
    ['missing and empty', null, ''],
  ])('is the same for callers who accept the same: %s', (_what, one, other) => {
    expect(variantOf(one)).toBe(variantOf(other));
  });

  it('differs for callers who accept something else', () => {
    const headers = [
      null,
      OCI,
      INDEX,
      `${OCI},${INDEX}`,
      `${OCI},${INDEX},${DOCKER}`,
      `${OCI},*/*`,
      '*/*',
      `${OCI};q=0.5`,
      `${OCI};q=0`,
      `${OCI};q=0.5,${INDEX}`,
      `${OCI},${INDEX};q=0.5`,
      `${OCI};a=b`,
      `${OCI}; a=b`,
      OCI.replace('/', ' / '),
      `${OCI}${INDEX}`,
    ];
    expect(new Set(headers.map(variantOf)).size).toBe(headers.length);
  });
});

describe('isCommonVariant', () => {
  const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
  const SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
  const UNSIGNED = 'application/vnd.docker.distribution.manifest.v1+json';
  const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';

  it.each([
    ['docker', [DOCKER, LIST, INDEX, SIGNED, 'application/json', OCI].join(', ')],
    ['containerd', [DOCKER, LIST, OCI, INDEX, '*/*'].join(', ')],
    ['crane', [UNSIGNED, SIGNED, DOCKER, OCI, LIST, INDEX].join(',')],
    ['skopeo', [OCI, DOCKER, SIGNED, UNSIGNED, LIST, INDEX].join(', ')],
    ['oras', [DOCKER, LIST, OCI, INDEX, ARTIFACT].join(', ')],
    ['curl', '*/*'],
    ['a client without an Accept', null],
    ['a client with an empty Accept', ''],
  ])('is true for what %s sends', (_client, accept) => {
    expect(isCommonVariant(accept)).toBe(true);
  });

  it.each([
    'text/html',
    `${OCI},text/html`,
    `${OCI};q=0.5`,
    `${OCI};a=b`,
    OCI.toUpperCase(),
    'application/*',
    `${OCI}x`,
  ])('is false for what no client sends: %s', (accept) => {
    expect(isCommonVariant(accept)).toBe(false);
  });
});

import { ACCEPTS } from '../accepts.ts';
import type { Dice } from './dice.ts';
import type { Model } from './model.ts';
import type { Pool } from './pool.ts';
import type { Draft } from './step.ts';

/** What an operation is made from. */
export interface Making {
  readonly dice: Dice;
  readonly pool: Pool;
  readonly model: Model;
}

/** Makes the requests of one operation, and notes in the model what they may change. */
export type Operation = (making: Making) => readonly Draft[];

/** A query that names no other content, and one that may. */
const QUERIES = ['', '', '', '', '', '', '?', '?x=1', '?ns=registry.test'] as const;

export const readBlob: Operation = ({ dice, pool, model }) => {
  const { name, blob } = model.someBlob();
  const method = dice.pick(['HEAD', 'HEAD', 'GET']);
  const ranges = rangesOf(blob.bytes.length);
  const headers = {
    ...(dice.chance(0.2) && conditionOf(dice, blob.digest, pool)),
    ...(dice.chance(method === 'GET' ? 0.4 : 0.05) && { range: dice.pick(ranges) ?? '' }),
    ...(dice.chance(0.2) && { accept: dice.pick(['*/*', 'application/json', 'application/octet-stream']) }),
    ...oddHeader(dice),
  };
  const target = `/v2/${name}/blobs/${blob.digest}${dice.pick(QUERIES)}`;
  return repeated(dice, { route: 'blob', method, target, headers });
};

export const readManifest: Operation = (making) => {
  const { name, content } = making.model.someManifest();
  const { digest } = content.manifest;
  return repeated(making.dice, { route: 'manifest', ...manifestRequest(making, name, digest, content.mediaType) });
};

export const readTag: Operation = (making) => {
  const { name, tag } = making.model.someTag();
  const { mediaType } = making.dice.pick(making.pool.manifests);
  return repeated(making.dice, { route: 'tag', ...manifestRequest(making, name, tag, mediaType) });
};

/** Asks for a manifest as if it were a blob, and the other way round: neither may answer for the other. */
export const readAsOther: Operation = ({ dice, model }) => {
  const method = dice.pick(['HEAD', 'GET']);
  const [blob, manifest] = [model.someBlob(), model.someManifest()];
  return dice.chance(0.5)
    ? [{ route: 'blob', method, target: `/v2/${manifest.name}/blobs/${manifest.content.manifest.digest}` }]
    : [{ route: 'manifest', method, target: `/v2/${blob.name}/manifests/${blob.blob.digest}` }];
};

export const readTags: Operation = ({ dice, pool }) => {
  const query = dice.pick(['', '', '?n=1', '?n=2', '?n=2&last=a', '?last=a', '?n=0', '?n=-1', '?n=x', '?n=1&last=']);
  const method = dice.chance(0.9) ? 'GET' : 'HEAD';
  return [{ route: 'tags', method, target: `/v2/${dice.pick(pool.names)}/tags/list${query}` }];
};

export const readCatalog: Operation = ({ dice, pool }) => {
  const last = encodeURIComponent(dice.pick(pool.names));
  const query = dice.pick(['', `?n=2&last=${last}`, `?last=${last}`, '?n=1', '?n=0', '?n=-1', '?n=x', '?n=5000']);
  return [{ route: 'catalog', method: dice.chance(0.9) ? 'GET' : 'HEAD', target: `/v2/_catalog${query}` }];
};

export const readReferrers: Operation = ({ dice, model }) => {
  const { name, content } = model.someManifest();
  const query = dice.pick(['', '?artifactType=application/vnd.example.e2e']);
  return [{ route: 'referrers', method: 'GET', target: `/v2/${name}/referrers/${content.manifest.digest}${query}` }];
};

export const readBase: Operation = ({ dice }) => [
  {
    route: 'base',
    method: dice.pick(['GET', 'HEAD', 'OPTIONS', 'POST']),
    target: dice.pick(['/v2/', '/v2/', '/v2', '/v2/?x=1']),
  },
];

/** Asks once, or several times, so that the cache has something to answer. */
function repeated(dice: Dice, draft: Draft): readonly Draft[] {
  return Array.from({ length: dice.pick([1, 1, 2, 3]) }, () => draft);
}

function manifestRequest({ dice, pool }: Making, name: string, reference: string, mediaType: string) {
  const accept = dice.pick(ACCEPTS)?.accept(dice.chance(0.8) ? mediaType : dice.pick(pool.manifests).mediaType) ?? [];
  const digest = reference.includes(':') ? reference : dice.pick(pool.manifests).manifest.digest;
  const headers = {
    ...(accept.length > 0 && { accept }),
    ...(dice.chance(0.2) && conditionOf(dice, digest, pool)),
    ...(dice.chance(0.05) && { range: 'bytes=0-9' }),
    ...oddHeader(dice),
  };
  const target = `/v2/${name}/manifests/${reference}${dice.pick(QUERIES)}`;
  return { method: dice.pick(['HEAD', 'GET'] as const), target, headers };
}

/** Now and then, a header that may change how an edge treats a request, but not what a registry answers. */
function oddHeader(dice: Dice): Record<string, string> {
  if (!dice.chance(0.1)) return {};
  return dice.pick<Record<string, string>>([
    { cookie: 'session=1' },
    { origin: 'https://browser.test' },
    { 'x-registry-token': 'x' },
    { 'cache-control': 'no-cache, only-if-cached, max-stale' },
    { 'accept-encoding': 'gzip, br' },
    { 'x-forwarded-for': '203.0.113.7' },
    { 'cdn-loop': 'another-edge' },
    { 'if-none-match': ',, W/, "' },
    { 'if-modified-since': 'never' },
    { te: 'trailers' },
    { pragma: 'no-cache' },
  ]);
}

function conditionOf(dice: Dice, digest: string, { blobs }: Pool): Record<string, string> {
  const other = dice.pick(blobs).digest;
  return dice.pick<Record<string, string>>([
    { 'if-none-match': `"${digest}"` },
    { 'if-none-match': `"${digest}"` },
    { 'if-none-match': digest },
    { 'if-none-match': `W/"${digest}"` },
    { 'if-none-match': `"${other}", "${digest}"` },
    { 'if-none-match': `"${other}"` },
    { 'if-none-match': '*' },
    { 'if-match': `"${digest}"` },
    { 'if-match': `"${other}"` },
    { 'if-range': `"${digest}"`, range: 'bytes=1-2' },
    { 'if-range': `"${other}"`, range: 'bytes=1-2' },
    { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
    { 'if-unmodified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' },
  ]);
}

function rangesOf(size: number): readonly string[] {
  const ends = ['0-', '0-9', '5-5', '1-', '-5', '-0', `${size - 1}-`, `0-${size}`, `${size}-`, `${size + 1}-`, '5-2'];
  return [...ends.map((range) => `bytes=${range}`), 'bytes=0-0,2-3', 'items=0-1', 'bytes=', 'bytes=99999999999999999-'];
}

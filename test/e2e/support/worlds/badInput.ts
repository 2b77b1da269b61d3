import type { Operation } from './reads.ts';

/** Requests that no client should send, in a form that an HTTP client can still send. */

/** Paths with `NAME`, `DIGEST` and `TAG` for some that exist. */
const PATHS = [
  '/v2/Upper/blobs/DIGEST',
  '/v2/NAME/../NAME/blobs/DIGEST',
  '/v2/NAME//blobs/DIGEST',
  '/v2/NAME/blobs/DIGEST/',
  '/v2/NAME/blobs/sha256:short',
  '/v2/NAME/blobs/md5:d41d8cd98f00b204e9800998ecf8427e',
  '/v2/NAME/blobs/TAG',
  '/v2/NAME/blobs/',
  '/v2/NAME/blobs',
  '/v2/NAME/manifests/sha256:short',
  '/v2/NAME/manifests/-tag',
  '/v2/NAME/manifests/',
  '/v2/NAME/manifests',
  '/v2/NAME/tags',
  '/v2/NAME/tags/list/',
  '/v2/NAME/tags/other',
  '/v2/NAME/referrers/TAG',
  '/v2/NAME/blobs/uploads',
  '/v2/NAME/blobs/uploads/not-a-session',
  '/v2/NAME/blobs/uploads/00000000-0000-4000-8000-000000000000?_state=x',
  '/v2/NAME/signatures/DIGEST',
  '/v2/NAME',
  '/v2/_catalog/',
  '/v2/_catalog/x',
  '/v2/NAME/blob%73/DIGEST',
  '/v2/NAME/manifests/%54AG',
  '/v1/NAME',
  '/',
] as const;

const METHODS = ['GET', 'GET', 'HEAD', 'DELETE', 'PUT', 'POST', 'PATCH', 'OPTIONS', 'TRACE'] as const;

export const badPath: Operation = ({ dice, model }) => {
  const { name, blob } = model.someBlob();
  const target = dice.pick(PATHS).replaceAll('NAME', name).replace('DIGEST', blob.digest).replace('TAG', 'latest');
  return [{ route: 'bad', method: dice.pick(METHODS), target }];
};

/** A path that a registry reads as another one. Only reads, since the edge refuses it, and the worlds stay alike. */
export const twoReadings: Operation = ({ dice, model }) => {
  const { name, blob } = model.someBlob();
  const target = `/v2/${name.replace('/', '%2F')}/blobs/${blob.digest}`;
  return [{ route: 'bad', method: dice.pick(['GET', 'HEAD']), target }];
};

/** A method that the resource does not have. */
export const badMethod: Operation = ({ dice, model, pool }) => {
  const { name, blob } = model.someBlob();
  const target = dice.pick([
    `/v2/${name}/blobs/${blob.digest}`,
    `/v2/${name}/manifests/${dice.pick(pool.tags)}`,
    `/v2/${name}/tags/list`,
    `/v2/${name}/blobs/uploads/`,
    '/v2/_catalog',
  ]);
  return [{ route: 'bad', method: dice.pick(['POST', 'PATCH', 'OPTIONS', 'TRACE', 'PUT', 'GET']), target }];
};

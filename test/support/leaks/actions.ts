import { PLACES, type Place } from './callers.ts';
import type { World } from './world.ts';

/** One request of the matrix. */
export interface Action {
  readonly name: string;
  /** The right that the caller needs in the place; `none`: a right that no caller of a registry has. */
  readonly needs: 'pull' | 'push' | 'delete' | 'catalog' | 'none';
  /** The statuses of those who have it. */
  readonly allowed: readonly number[];
  /** Whether it is about the upload that a user of the place has begun. */
  readonly isOfUpload?: boolean;
  /** From where it mounts a blob: a mount is a 201 only for those who may pull there, and otherwise an upload. */
  readonly source?: Place;
  send(world: World, place: Place, headers: Record<string, string>): Promise<Response>;
}

const ACCEPT = 'application/vnd.oci.image.manifest.v1+json';

type PathOf = (world: World, place: Place) => string | Promise<string>;

function action(
  name: string,
  needs: Action['needs'],
  allowed: readonly number[],
  pathOf: PathOf,
  init: RequestInit = {},
) {
  const method = name.split(' ')[0] ?? 'GET';
  return {
    ...{ name, needs, allowed },
    async send(world: World, place: Place, headers: Record<string, string>) {
      const path = await pathOf(world, place);
      const { answer, over } = world.edge.send(path, {
        ...{ method, redirect: 'manual' as const, ...init },
        headers: { accept: ACCEPT, ...(init.headers as object), ...headers },
      });
      const response = await answer;
      // A fill of the byte store runs at the pace of the one who reads.
      const body = response.body && (await response.arrayBuffer());
      await over;
      return new Response(body, response);
    },
  };
}

const blob: PathOf = ({ content }, place) => content[place].blob.path;
const below =
  (rest: string): PathOf =>
  ({ content }, place) =>
    `/v2/${content[place].name}/${rest}`;
const mountOf = (source: Place): Action => ({
  ...action(
    `POST mount of ${source}`,
    'push',
    [201],
    ({ content }, place) =>
      `/v2/${content[place].name}/blobs/uploads/?mount=${content[source].blob.digest}&from=${content[source].name}`,
  ),
  source,
});
const session: PathOf = (world, place) => world.session(place);
const ofUpload = (made: Action): Action => ({ ...made, isOfUpload: true });
const MANIFEST = { body: '{"schemaVersion":2}', headers: { 'content-type': ACCEPT } };

/** What is read: it is what warms a cache. Redirects are those of the origin's storage. */
export const READS: readonly Action[] = [
  action('HEAD blob', 'pull', [200], blob),
  action('GET blob', 'pull', [200, 307], blob),
  action('GET blob range', 'pull', [206, 307], blob, { headers: { range: 'bytes=0-3' } }),
  action('GET blob range beyond', 'pull', [416, 307], blob, { headers: { range: 'bytes=99999-' } }),
  action('GET blob if-none-match', 'pull', [304, 307], blob, { headers: { 'if-none-match': '*' } }),
  action('HEAD manifest', 'pull', [200], ({ content }, place) => content[place].manifest.path),
  action('GET manifest', 'pull', [200], ({ content }, place) => content[place].manifest.path),
  action('HEAD tag', 'pull', [200], ({ content }, place) => content[place].manifest.tagPath),
  action('GET tag', 'pull', [200], ({ content }, place) => content[place].manifest.tagPath),
  action('GET tags', 'pull', [200], below('tags/list')),
  action('GET referrers', 'pull', [200], ({ content }, place) =>
    content[place].manifest.path.replace('/manifests/', '/referrers/'),
  ),
];

/** Everything that callers may try. */
export const ACTIONS: readonly Action[] = [
  ...READS,
  action('GET catalog', 'catalog', [200], () => '/v2/_catalog'),
  action('HEAD catalog', 'catalog', [200], () => '/v2/_catalog?n=1'),
  action('POST upload', 'push', [202], below('blobs/uploads/')),
  ...PLACES.map(mountOf),
  ofUpload(action('GET upload', 'push', [204], session)),
  ofUpload(action('PATCH upload', 'push', [202], session, { body: 'piece' })),
  ofUpload(action('DELETE upload', 'push', [204], session)),
  action('PUT manifest', 'push', [201], below('manifests/new'), MANIFEST),
  action('DELETE blob', 'delete', [202], (world, place) => world.spare(place, 'blobs')),
  action('DELETE manifest', 'delete', [202], (world, place) => world.spare(place, 'manifests')),
  action('DELETE tag', 'delete', [202], (world, place) => world.spare(place, 'tags')),
  action('GET extension', 'none', [], below('_extension/secrets')),
  action('PUT tags', 'none', [], below('tags/list'), { body: '{}' }),
  action('POST events', 'none', [], () => '/_edge/events', { body: '{"events":[]}' }),
  action('DELETE cache', 'none', [], ({ content }, place) => `/_edge/cache/${content[place].name}`),
];

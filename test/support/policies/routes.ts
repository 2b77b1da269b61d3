import type { Contents, Made, Place } from './content.ts';
import { MANIFEST_TYPE } from './origin.ts';

/** A request of the table, and what the specification says of it. */
export interface RouteRow {
  /** Begins with the method. */
  readonly name: string;
  /** What a user needs for it; `extension`: the specification knows no such request. */
  readonly needs: 'login' | 'pull' | 'push' | 'delete' | 'catalog' | 'extension';
  /** Its status where nothing is in its way. */
  readonly status: number;
  /** Whether it tells of one repository, of all, or of none. */
  readonly about: 'repository' | 'all' | 'none';
  /** The tag that it is about. */
  readonly tag?: string;
  /** What it does to the tag. */
  readonly does?: 'read' | 'keep' | 'move' | 'remove';
  /** From where it mounts a blob. */
  readonly source?: Place;
  pathOf(contents: Contents, place: Place): string;
  /** The manifest that it sends. */
  sentOf?(contents: Contents, place: Place): Made | undefined;
}

type PathOf = RouteRow['pathOf'];
const below =
  (rest: string): PathOf =>
  (contents, place) =>
    `/v2/${contents[place].name}/${rest}`;
const blob: PathOf = (contents, place) => `/v2/${contents[place].name}/blobs/${contents[place].blob.digest}`;
const byDigest =
  (tag: string, noun = 'manifests'): PathOf =>
  (contents, place) =>
    `/v2/${contents[place].name}/${noun}/${contents[place].tagged.get(tag)?.digest}`;
const inPlace = { about: 'repository' } as const;
const PULL = { ...inPlace, needs: 'pull', status: 200 } as const;
const PUSH = { ...inPlace, needs: 'push', status: 201 } as const;
const DELETE = { ...inPlace, needs: 'delete', status: 202 } as const;

const readsOf = (tag: string): RouteRow[] =>
  ['HEAD', 'GET'].map((method) => ({
    ...PULL,
    ...{ name: `${method} ${tag}`, tag, does: 'read', pathOf: below(`manifests/${tag}`) },
  }));

/** Writes that meet a tag; the tag with `-rc` is the exception of the policies. */
const writesOf = (ending: '' | '-rc'): RouteRow[] => {
  const [same, other, extra, gone] = ['same', 'other', 'extra', 'gone'].map((use) => `v-${use}${ending}`) as [
    ...[string, string, string, string],
  ];
  const fresh = (tag: string) => (contents: Contents, place: Place) => contents[place].fresh.get(tag);
  return [
    {
      ...PUSH,
      ...{ name: `PUT the same manifest under ${same}`, tag: same, does: 'keep', pathOf: below(`manifests/${same}`) },
      sentOf: (contents, place) => contents[place].tagged.get(same),
    },
    {
      ...PUSH,
      ...{ name: `PUT another manifest under ${other}`, tag: other, does: 'move', pathOf: below(`manifests/${other}`) },
      sentOf: fresh(other),
    },
    {
      ...PUSH,
      ...{ name: `PUT another manifest by its digest with ?tag=${extra}`, tag: extra, does: 'move' },
      pathOf: (contents, place) =>
        `/v2/${contents[place].name}/manifests/${contents[place].fresh.get(extra)?.digest}?tag=${extra}`,
      sentOf: fresh(extra),
    },
    { ...DELETE, name: `DELETE ${gone}`, tag: gone, does: 'remove', pathOf: below(`manifests/${gone}`) },
  ];
};

const mountFrom = (source: Place): RouteRow => ({
  ...PUSH,
  ...{ name: `POST mount from ${source}`, source },
  pathOf: (contents, place) =>
    `/v2/${contents[place].name}/blobs/uploads/?mount=${contents[source].blob.digest}&from=${contents[source].name}`,
});

/** What reads; it is also what warms a cache. */
export const READS: readonly RouteRow[] = [
  { ...PULL, name: 'HEAD blob', pathOf: blob },
  { ...PULL, name: 'GET blob', pathOf: blob },
  { ...PULL, name: 'HEAD manifest', pathOf: byDigest('v1') },
  { ...PULL, name: 'GET manifest', pathOf: byDigest('v1') },
  ...['v1', 'v1-rc', 'latest'].flatMap(readsOf),
  { ...PULL, name: 'GET tags', pathOf: below('tags/list') },
  { ...PULL, name: 'GET referrers', pathOf: byDigest('v1', 'referrers') },
  { name: 'GET /v2/', needs: 'login', status: 200, about: 'none', pathOf: () => '/v2/' },
];

export const ROUTES: readonly RouteRow[] = [
  ...READS,
  { name: 'GET catalog', needs: 'catalog', status: 200, about: 'all', pathOf: () => '/v2/_catalog' },
  {
    ...{ name: 'GET catalog page', needs: 'catalog', status: 200, about: 'all' },
    pathOf: () => '/v2/_catalog?n=1&last=a',
  },
  { name: 'GET unknown path', needs: 'extension', status: 404, about: 'all', pathOf: below('_extension/search') },
  { ...PUSH, name: 'POST upload', status: 202, pathOf: below('blobs/uploads/') },
  mountFrom('open'),
  mountFrom('closed'),
  ...writesOf(''),
  ...writesOf('-rc'),
  { ...DELETE, name: 'DELETE manifest', pathOf: byDigest('v-digest') },
  {
    ...{ ...DELETE, name: 'DELETE blob' },
    pathOf: (contents, place) => `/v2/${contents[place].name}/blobs/${contents[place].spare.digest}`,
  },
];

export function methodOf({ name }: RouteRow): string {
  return name.slice(0, name.indexOf(' '));
}

/** Returns the request. @param headers the caller's */
export function requestOf(row: RouteRow, contents: Contents, place: Place, headers: Record<string, string>) {
  const sent = row.sentOf?.(contents, place);
  const length = sent && { 'content-type': MANIFEST_TYPE, 'content-length': String(sent.bytes.length) };
  const init = { method: methodOf(row), headers: { accept: MANIFEST_TYPE, ...length, ...headers } };
  return { path: row.pathOf(contents, place), init: sent ? { ...init, body: sent.bytes } : init };
}

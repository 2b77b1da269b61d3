import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import { EVENTS_PATH, eventsOf, REGISTRY } from '../support/events.ts';
import type { Content } from './registry.ts';
import type { Side } from './side.ts';
import type { Move, Verb } from './steps.ts';
import { ADMIN_TOKEN, ISOLATES, type World } from './world.ts';

/** A move in a world: what its numbers stand for. */
interface Scene extends Pick<Move, 'caller' | 'isolate' | 'tag' | 'way'> {
  readonly world: World;
  readonly side: Side;
  readonly name: string;
  /** Another repository, from which blobs are mounted. */
  readonly other: string;
  readonly blob: Content;
  readonly manifest: Content;
}

/** What changes something so that a cache may be wrong about it. */
const CHANGES = /delete|loses a|moves|purge/;

/** Makes a move: sends what a client would send, and judges the answers. */
export async function act(world: World, move: Move): Promise<void> {
  const side = world.sides[move.upstream] as Side;
  const { names, images } = side;
  const { name, blob, manifest, tag } = move.isFollowing ? (side.lastChange ?? move) : move;
  if (CHANGES.test(move.verb)) side.lastChange = { name, blob, manifest, tag };
  await MOVES[move.verb]({
    ...move,
    world,
    side,
    tag,
    name: names[name] as string,
    other: names[(name + 1) % names.length] as string,
    blob: images.blobs[blob] as Content,
    manifest: images.manifests[manifest] as Content,
  });
}

const MOVES: Readonly<Record<Verb, (scene: Scene) => unknown>> = {
  'head blob': (scene) => ask(scene, 'HEAD', 'blobs', scene.blob),
  'get blob': (scene) => ask(scene, 'GET', 'blobs', scene.blob),
  'head manifest': (scene) => ask(scene, 'HEAD', 'manifests', scene.manifest),
  'get manifest': (scene) => ask(scene, 'GET', 'manifests', scene.manifest),
  'head tag': (scene) => askTag(scene, 'HEAD'),
  'get tag': (scene) => askTag(scene, 'GET'),
  push,
  upload,
  mount: ({ other, ...scene }) =>
    send(scene, `blobs/uploads/?mount=${scene.blob.digest}&from=${other}`, { method: 'POST' }),
  'delete blob': (scene) => remove(scene, 'blobs', scene.blob),
  'delete manifest': (scene) => remove(scene, 'manifests', scene.manifest),
  'delete tag': (scene) => send(scene, `manifests/${scene.tag}`, { method: 'DELETE' }),
  purge,
  'announce a deleted blob': announce,
  'the registry receives a blob': ({ side, name, blob }) => side.registry.blob(name, blob.digest).set(true),
  'the registry loses a blob': ({ side, name, blob }) => side.registry.blob(name, blob.digest).set(false),
  'the registry receives a manifest': ({ side, name, manifest }) =>
    side.registry.manifest(name, manifest.digest).set(true),
  'the registry loses a manifest': ({ side, name, manifest }) => side.registry.removeManifest(name, manifest.digest),
  'the registry moves a tag'({ side: { registry }, name, manifest, tag }) {
    registry.manifest(name, manifest.digest).set(true);
    registry.tag(name, tag).set(manifest.digest);
  },
  'an isolate restarts': ({ world, isolate }) => world.restart(isolate),
  'the writer loses its rights': ({ side }) => side.callers.trustWriter(false),
  'the writer gets its rights': ({ side }) => side.callers.trustWriter(true),
};

type Sending = Pick<Scene, 'world' | 'side' | 'isolate' | 'caller' | 'name'>;

function send({ world, side, isolate, caller, name }: Sending, path: string, init: RequestInit) {
  const headers = { authorization: side.callers.authorizationOf(caller), ...(init.headers as object) };
  return world.send(isolate, `https://${side.upstream.host}/v2/${name}/${path}`, { ...init, headers });
}

function askerOf({ world, isolate, caller, name }: Sending) {
  return { isolate: world.isolateOf(isolate), caller, name };
}

async function ask(scene: Scene, method: 'HEAD' | 'GET', links: 'blobs' | 'manifests', { digest }: Content) {
  const judge = scene.side.laws.ask({ ...askerOf(scene), method, links, digest });
  const headers = { ...(links === 'manifests' && { accept: ALL_MANIFESTS }) };
  const answer = await send(scene, `${links}/${digest}`, { method, headers });
  judge(answer);
  return answer.status;
}

async function askTag(scene: Scene, method: 'HEAD' | 'GET'): Promise<void> {
  const judge = scene.side.laws.askTag({ ...askerOf(scene), method, tag: scene.tag });
  judge(await send(scene, `manifests/${scene.tag}`, { method, headers: { accept: ALL_MANIFESTS } }));
}

/** Pushes as clients do: asks for every blob, uploads what is absent, and sends the manifest. */
async function push(scene: Scene): Promise<void> {
  const { side, manifest, tag, way, ...rest } = scene;
  for (const digest of manifest.needs) {
    const blob = side.registry.content(digest) as Content;
    const status = await ask({ ...scene, blob }, 'HEAD', 'blobs', blob);
    if (status === 404) await upload({ ...scene, blob });
  }
  const judge = side.commits.begin(askerOf(scene), manifest);
  const reference = way === 0 ? manifest.digest : tag;
  const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.bytes.length) };
  judge(await send({ side, ...rest }, `manifests/${reference}`, { method: 'PUT', body: manifest.bytes, headers }));
}

/** Uploads a blob: in one POST, by a POST and a PUT, or with a PATCH between them. */
async function upload(scene: Scene): Promise<void> {
  const { digest, bytes } = scene.blob;
  const body = { body: bytes, headers: { 'content-length': String(bytes.length) } };
  if (scene.way === 0) return void (await send(scene, `blobs/uploads/?digest=${digest}`, { method: 'POST', ...body }));
  const { headers } = await send(scene, 'blobs/uploads/', { method: 'POST' });
  const session = headers.get('location')?.split(`/v2/${scene.name}/`)[1];
  if (!session) return;
  if (scene.way === 1)
    return void (await send(scene, `${session}${session.includes('?') ? '&' : '?'}digest=${digest}`, {
      method: 'PUT',
      ...body,
    }));
  await send(scene, session, { method: 'PATCH', body: bytes });
  await send(scene, `${session}${session.includes('?') ? '&' : '?'}digest=${digest}`, {
    method: 'PUT',
    headers: { 'content-length': '0' },
  });
}

/** Deletes content, after which somebody who asked for it before at another isolate asks again. */
async function remove(scene: Scene, links: 'blobs' | 'manifests', content: Content): Promise<void> {
  const { side, isolate, way } = scene;
  const elsewhere: Scene = { ...scene, isolate: (isolate + 1) % ISOLATES, caller: way === 0 ? 'puller' : 'verified' };
  await ask(elsewhere, 'HEAD', links, content);
  // An isolate that restarts meanwhile knows nothing of the delete.
  const noteGone = side.laws.beginGone(askerOf(scene), links, content.digest);
  const { status } = await send(scene, `${links}/${content.digest}`, { method: 'DELETE' });
  if (status !== 202) return;
  noteGone();
  await ask(elsewhere, 'HEAD', links, content);
}

/** An operator purges a repository. What the registry has meanwhile may be confirmed, and stored, meanwhile. */
async function purge(scene: Scene): Promise<void> {
  const { world, side, isolate, name } = scene;
  const { registry, images, laws, upstream } = side;
  const blobs = images.blobs.filter(({ digest }) => !registry.blob(name, digest).value);
  const manifests = images.manifests.filter(({ digest }) => !registry.manifest(name, digest).value);
  const asker = askerOf(scene);
  const noteGone = [
    ...blobs.map(({ digest }) => laws.beginGone(asker, 'blobs', digest)),
    ...manifests.map(({ digest }) => laws.beginGone(asker, 'manifests', digest)),
  ];
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const { status, body } = await world.send(isolate, `/_edge/cache/${name}?upstream=${upstream.alias}`, {
    ...{ method: 'DELETE', headers },
  });
  if (status === 200 && JSON.parse(body).cursor === undefined) for (const note of noteGone) note();
}

/** The registry says that a blob was deleted which it does not have. */
async function announce(scene: Scene): Promise<void> {
  const { world, side, isolate, name, blob } = scene;
  const body = JSON.stringify({ events: [eventsOf(name).deleted(blob.digest)] });
  if (side.registry.blob(name, blob.digest).value) return;
  const noteGone = side.laws.beginGone(askerOf(scene), 'blobs', blob.digest);
  const { status } = await world.send(
    isolate,
    side.upstream.alias ? `${EVENTS_PATH}/${side.upstream.alias}` : EVENTS_PATH,
    { method: 'POST', headers: REGISTRY, body },
  );
  if (status === 204) noteGone();
}

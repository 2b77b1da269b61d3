import { inject } from 'vitest';
import { demandToken } from '../demandToken.ts';
import { uniqueName } from '../digests.ts';
import { createEdge, type Edge } from '../edge.ts';
import { type Pushed, pushBlob, rig } from '../push.ts';
import { OCI_MANIFEST, type PushedManifest, pushManifest, uniqueManifest } from '../pushManifest.ts';
import { STORAGE, someBucket } from '../storage.ts';
import { basic, type Login, usersWith } from '../users.ts';
import { type Caller, hasRight, PLACES, type Place, rightsOf, strangers, USERS, type User } from './callers.ts';

/** Who judges callers, and as whom the origin is asked. */
export interface Mode {
  readonly clientAuth: 'origin' | 'basic' | 'anonymous';
  readonly asks: 'as the caller' | 'as nobody' | 'with a login' | 'with a token';
}

export const MODES: readonly Mode[] = [
  { clientAuth: 'origin', asks: 'as the caller' },
  ...(['basic', 'anonymous'] as const).flatMap((clientAuth) =>
    (['as nobody', 'with a login', 'with a token'] as const).map((asks) => ({ clientAuth, asks })),
  ),
];

/** What one repository has. */
export interface PlaceContent {
  readonly name: string;
  readonly blob: Pushed;
  readonly manifest: PushedManifest;
  /** What may be deleted. */
  readonly spare: { readonly blob: Pushed; readonly manifest: PushedManifest };
}

const ACCOUNT = basic('edge', 'password of the edge');
const ACCOUNT_VARIABLES = {
  ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'edge', ORIGIN_PASSWORD: 'password of the edge' },
};
const CHALLENGE = { 'www-authenticate': 'Basic realm="origin"' };

/** An edge in front of three repositories that have different things to hide. */
export class World {
  readonly edge: Edge;
  readonly content: Record<Place, PlaceContent>;
  readonly mode: Mode;
  readonly #logins: Record<Caller, Partial<Login>>;
  readonly #accepted: Record<Place, string | undefined>;
  #sessions: Partial<Record<Place, string>> = {};

  private constructor(
    edge: Edge,
    made: Pick<World, 'content' | 'mode'>,
    logins: Record<Caller, Partial<Login>>,
    accepted: Record<Place, string | undefined>,
  ) {
    this.edge = edge;
    this.content = made.content;
    this.mode = made.mode;
    this.#logins = logins;
    this.#accepted = accepted;
  }

  /** @param redirects whether the origin sends those who pull blobs to its storage */
  static async create(mode: Mode, redirects: boolean): Promise<World> {
    const content = await contentOfAll();
    const names = eachPlace((place) => content[place].name);
    const rights = Object.keys(USERS).map((user) => [user, rightsOf(user as User, names)] as const);
    // Everybody may have something: a user has to be able to pull.
    const { variables, logins } = await usersWith(
      Object.fromEntries(rights.map(([user, right]) => [user, { ...right, pull: [...right.pull, uniqueName()] }])),
    );
    const { accepted, more } = await guard(mode, names, logins as Record<User, Login>);
    if (redirects) for (const place of PLACES) await redirectBlob(content[place].blob);
    const edge = createEdge({
      ...(mode.clientAuth === 'basic' && variables),
      ...more,
      CLIENT_AUTH: mode.clientAuth,
      ...(mode.asks.startsWith('with') && {
        ...ACCOUNT_VARIABLES,
        ALLOW_REPOSITORIES: `${names.mine},${names.foreign}`,
      }),
    });
    const all = { ...(logins as Record<User, Login>), ...strangers(logins as Record<User, Login>) };
    return new World(edge, { content, mode }, all, accepted);
  }

  loginOf(caller: Caller): Record<string, string> {
    return { ...this.#logins[caller] };
  }

  /** Returns the address of an upload that a user of the place has begun; where nobody may, one that there may be. */
  session(place: Place): string {
    return this.#sessions[place] ?? `/v2/${this.content[place].name}/blobs/uploads/${crypto.randomUUID()}`;
  }

  /** Returns what may be deleted. */
  spare(place: Place, kind: 'blobs' | 'manifests' | 'tags'): string {
    const { blob, manifest } = this.content[place].spare;
    return { blobs: blob.path, manifests: manifest.path, tags: manifest.tagPath }[kind];
  }

  /** Makes everything as it was: what was deleted, and the uploads. */
  async restore(): Promise<void> {
    for (const place of PLACES) {
      const owner = place === 'foreign' ? 'neighbour' : 'pusher';
      if (this.mode.clientAuth === 'anonymous' || place === 'secret') continue;
      const path = `/v2/${this.content[place].name}/blobs/uploads/`;
      const opened = await this.edge.fetch(path, { method: 'POST', headers: this.loginOf(owner) });
      this.#sessions[place] = opened.headers.get('location') ?? '';
      await this.#putSpare(place);
    }
  }

  async #putSpare(place: Place): Promise<void> {
    const { name, spare } = this.content[place];
    const authorization = this.#accepted[place];
    const put = (path: string, method: string, body: string, type: string) =>
      fetch(inject('originUrl') + path, {
        ...{ method, body, headers: { 'content-type': type, ...(authorization && { authorization }) } },
      });
    await put(`/v2/${name}/blobs/uploads/?digest=${spare.blob.digest}`, 'POST', spare.blob.bytes, '');
    await put(spare.manifest.tagPath, 'PUT', spare.manifest.bytes, OCI_MANIFEST);
  }

  /** Counts the requests that the origin got in all places. */
  async asked(): Promise<number> {
    const counts = PLACES.map(async (place) => (await rig.requests(`/v2/${this.content[place].name}/`)).length);
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }
}

function eachPlace<T>(make: (place: Place) => T): Record<Place, T> {
  return Object.fromEntries(PLACES.map((place) => [place, make(place)])) as Record<Place, T>;
}

async function contentOfAll(): Promise<Record<Place, PlaceContent>> {
  const made = PLACES.map(async (place) => {
    const name = uniqueName();
    const blob = await pushBlob(`bytes of ${place} ${crypto.randomUUID()}`, name);
    const manifest = await pushManifest({ name, tag: `tag-of-${place}`, bytes: uniqueManifest() });
    const spare = { blob: await pushBlob(undefined, name), manifest: await pushManifest({ name, tag: 'spare' }) };
    return [place, { name, blob, manifest, spare }] as const;
  });
  return Object.fromEntries(await Promise.all(made)) as Record<Place, PlaceContent>;
}

/** Makes the origin judge as it would in this mode. @returns which credential it accepts, and further variables */
async function guard({ clientAuth, asks }: Mode, names: Record<Place, string>, logins: Record<User, Login>) {
  const accepted = eachPlace<string | undefined>(() => undefined);
  let more: Record<string, string> = {};
  const refuse = (
    place: Place,
    unlessAuthorization: readonly string[],
    methods: readonly (string | undefined)[],
    prefix = `/v2/${names[place]}/`,
  ) =>
    Promise.all(
      methods.map((method) =>
        rig.rule({
          ...{ prefix, unlessAuthorization, status: 401, headers: CHALLENGE, body: '{}' },
          ...(method && { method }),
        }),
      ),
    );
  const withRight = (right: string, place: Place) =>
    (Object.keys(USERS) as User[])
      .filter((user) => hasRight(user, right, place))
      .map((user) => logins[user].authorization);
  for (const place of PLACES) {
    if (asks === 'with a token') {
      const { token, variables } = await demandToken(names[place]);
      accepted[place] = `Bearer ${token}`;
      const { CLIENT_AUTH: _own, ...others } = variables;
      more = others;
    } else if (asks === 'with a login' || place === 'secret') {
      accepted[place] = ACCOUNT.authorization;
      await refuse(place, [ACCOUNT.authorization], [undefined]);
    } else if (clientAuth === 'origin') {
      accepted[place] = ACCOUNT.authorization;
      const and = (list: readonly string[]) => [...list, ACCOUNT.authorization];
      const uploads = `/v2/${names[place]}/blobs/uploads/`;
      await refuse(place, and(withRight('push', place)), ['GET', 'DELETE'], uploads);
      await refuse(place, and(withRight('pull', place)), ['GET', 'HEAD']);
      await refuse(place, and(withRight('push', place)), ['POST', 'PATCH', 'PUT']);
      for (const rest of ['blobs/sha256', 'manifests/']) {
        await refuse(place, and(withRight('delete', place)), ['DELETE'], `/v2/${names[place]}/${rest}`);
      }
    }
  }
  return { accepted, more };
}

/** Makes the origin send those who pull a blob to its storage. */
async function redirectBlob({ path, bytes, digest }: Pushed): Promise<void> {
  const at = someBucket()(digest);
  const headers = { 'content-length': String(bytes.length), 'content-type': 'binary/octet-stream' };
  await rig.rule({ prefix: at, status: 200, headers, body: bytes });
  for (const method of ['HEAD', 'GET']) {
    await rig.rule({ prefix: path, method, status: 307, headers: { location: `${STORAGE}${at}?signature=abc` } });
  }
}

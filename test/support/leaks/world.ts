import { inject } from 'vitest';
import { uniqueName } from '../digests.ts';
import { createEdge, type Edge } from '../edge.ts';
import { type Pushed, pushBlob, rig } from '../push.ts';
import { OCI_MANIFEST, type PushedManifest, pushManifest, uniqueManifest } from '../pushManifest.ts';
import { type Login, usersWith } from '../users.ts';
import { almostUsers, type Caller, PLACES, type Place, rightsOf, USERS, type User } from './callers.ts';
import { eachPlace, guard, type Mode, redirectBlob } from './guard.ts';
import { createJobs } from './jobs.ts';

export const MODES: readonly Mode[] = [
  { clientAuth: 'origin', asks: 'as the caller' },
  ...(['basic', 'anonymous'] as const).flatMap((clientAuth) =>
    (['as nobody', 'with a login', 'with a token'] as const).map((asks) => ({ clientAuth, asks })),
  ),
];

export interface WorldOptions {
  /** Whether the origin sends those who pull a blob to its storage. */
  readonly redirects: boolean;
  /** Whether the edge keeps bytes of blobs. */
  readonly keepsBytes: boolean;
}

/** What one repository has. */
export interface PlaceContent {
  readonly name: string;
  readonly blob: Pushed;
  readonly manifest: PushedManifest;
  /** What may be deleted. */
  readonly spare: { readonly blob: Pushed; readonly manifest: PushedManifest };
}

const ACCOUNT_VARIABLES = {
  ...{ ORIGIN_ACCOUNT: 'password', ORIGIN_USERNAME: 'edge', ORIGIN_PASSWORD: 'password of the edge' },
};

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

  static async create(mode: Mode, { redirects, keepsBytes }: WorldOptions): Promise<World> {
    const content = await contentOfAll();
    const names = eachPlace((place) => content[place].name);
    // Everybody may have something: a user has to be able to pull.
    const rightsIn = (user: User) => {
      const rights = rightsOf(user, names);
      return { ...rights, pull: [...rights.pull, uniqueName()] };
    };
    const inUsers = (Object.keys(USERS) as User[]).filter((user) => user !== 'job');
    const { variables, logins: ofUsers } = await usersWith(
      Object.fromEntries(inUsers.map((user) => [user, rightsIn(user)])),
    );
    const jobs = await createJobs(rightsIn('job'));
    const logins = { ...(ofUsers as Record<User, Login>), ...jobs.logins };
    const { accepted, more } = await guard(mode, names, logins);
    if (redirects) for (const place of PLACES) await redirectBlob(content[place].blob);
    const edge = createEdge({
      ...(mode.clientAuth === 'basic' && { ...variables, ...jobs.variables }),
      ...more,
      CLIENT_AUTH: mode.clientAuth,
      ...(keepsBytes && { BLOB_STORE: 'r2', REDIRECT_HOSTS: 'localhost' }),
      ...(mode.asks.startsWith('with') && {
        ...ACCOUNT_VARIABLES,
        ALLOW_REPOSITORIES: `${names.mine},${names.foreign}`,
      }),
    });
    return new World(edge, { content, mode }, { ...almostUsers(logins), ...logins }, accepted);
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

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MANIFEST_TYPES } from '../../src/oci/mediaTypes.ts';
import { type Clock, createClock } from '../support/context.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { ACCOUNT, type CallerRow, makeCallers } from '../support/policies/callers.ts';
import { listen } from '../support/policies/origin.ts';
import { read, TaggedOrigin } from '../support/policies/taggedOrigin.ts';
import { manifestRequest, OCI_MANIFEST } from '../support/pushManifest.ts';
import { SHARED_STORES, STORES, type Store } from '../support/stores.ts';
import { basic } from '../support/users.ts';

beforeAll(listen);
afterAll(() => {
  vi.restoreAllMocks();
});

const HOUR_MS = 3_600_000;
const IMMUTABLE = { IMMUTABLE_TAGS: 'v*', TAG_TTL: '10s', STALE_IF_ERROR: '0' };
const ALL_CALLERS = await makeCallers();
/** Those who may pull; some prove it to the edge itself, and others only to the origin, for a minute. */
const PULLERS = ALL_CALLERS.filter(({ rights }) => rights?.length !== 0);
const MIRROR = PULLERS[0] as CallerRow;
const WITH_TOKEN = PULLERS.find(({ name }) => name === 'a caller with a token') as CallerRow;
const isProvenAtOnce = ({ judge, headers }: CallerRow) =>
  judge !== 'origin' || headers.authorization?.startsWith('Bearer ') === true;

class World {
  readonly origin: TaggedOrigin;
  readonly clock: Clock = createClock(Date.now());
  readonly caller: CallerRow;
  readonly #variables: Record<string, string>;

  private constructor(origin: TaggedOrigin, caller: CallerRow, variables: Store['variables']) {
    this.origin = origin;
    this.caller = caller;
    this.#variables = { ...caller.variables, ...variables, ...IMMUTABLE, ORIGIN_URL: origin.url };
  }

  /** @param kind the caller, in the table of callers */
  static async create(kind: CallerRow, variables: Store['variables'], tag = 'v1'): Promise<World> {
    const origin = await TaggedOrigin.create(tag, kind.isLent ? ACCOUNT : undefined);
    const caller = (await makeCallers([origin.name])).find(({ name }) => name === kind.name);
    if (!caller) throw new TypeError(`no caller is ${kind.name}`);
    return new World(origin, caller, variables);
  }

  createIsolate(): Edge {
    return createEdge(this.#variables, { clock: this.clock });
  }

  /** Asks for the tag, by HEAD and by GET. @returns the statuses, and whether the manifest is this one */
  async ask(edge: Edge, bytes: string, headers = this.caller.headers) {
    const head = await edge.fetch(this.origin.path, manifestRequest('HEAD', undefined, { ...headers }));
    const get = await edge.fetch(this.origin.path, read(headers));
    return [head.status, get.status, (await get.text()) === bytes];
  }
}

const YES = [200, 200, true];
const UNREACHABLE = [502, 502, false];

describe.each(STORES)('a tag of IMMUTABLE_TAGS whose origin is dead, cache in $name', ({ variables }) => {
  it.each(PULLERS)('is answered after an hour to $name, as far as access is proved', async (kind) => {
    const world = await World.create(kind, variables);
    const edge = world.createIsolate();
    const { bytes } = world.origin;
    expect(await world.ask(edge, bytes)).toEqual(YES);
    world.origin.isDead = true;
    world.clock.advance(59_000);
    expect(await world.ask(edge, bytes)).toEqual(YES);
    world.clock.advance(HOUR_MS);
    expect(await world.ask(edge, bytes)).toEqual(isProvenAtOnce(kind) ? YES : UNREACHABLE);
  });

  it.each(PULLERS)('is answered to nobody else than $name', async (kind) => {
    const world = await World.create(kind, variables);
    const edge = world.createIsolate();
    const { bytes } = world.origin;
    await world.ask(edge, bytes);
    world.origin.isDead = true;
    const strangers = [basic('eve', 'x'), { authorization: `Bearer ${btoa('{}')}.e30.x` }, { cookie: 'session=1' }];
    for (const stranger of strangers) {
      const refused = { origin: UNREACHABLE, users: [401, 401, false], nobody: YES }[kind.judge];
      expect([stranger, await world.ask(edge, bytes, stranger)]).toEqual([stranger, refused]);
    }
  });

  it.each(PULLERS)('is not what another tag is, which moves: for $name', async (kind) => {
    const world = await World.create(kind, variables, 'latest');
    const edge = world.createIsolate();
    await world.ask(edge, world.origin.bytes);
    world.origin.isDead = true;
    world.clock.advance(10_000);
    expect(await world.ask(edge, world.origin.bytes)).toEqual(UNREACHABLE);
  });

  it.each(PULLERS)('that has moved is not followed for $name, and told when the origin is asked', async (kind) => {
    const world = await World.create(kind, variables);
    const edge = world.createIsolate();
    const { bytes } = world.origin;
    await world.ask(edge, bytes);
    world.origin.isDead = true;
    world.clock.advance(HOUR_MS);
    await world.origin.move();
    world.origin.isDead = false;
    edge.log.length = 0;
    world.origin.methods.length = 0;
    expect(await world.ask(edge, bytes)).toEqual(YES);
    const told = edge.log.filter((line) => line.includes('has moved at the origin, which is not followed')).length;
    const denied = edge.log.filter((line) => line.includes('"denied":"IMMUTABLE_TAGS"')).length;
    // The HEAD proves HEADs, and the GET is another question.
    const isAsked = !isProvenAtOnce(kind);
    expect([told, denied, world.origin.methods.length]).toEqual(isAsked ? [2, 2, 2] : [0, 0, 0]);
  });
});

/** More sets of types than a store keeps variants of a tag. */
const MANY_ACCEPTS = Array.from({ length: 2 ** MANIFEST_TYPES.length }, (_, set) =>
  [...MANIFEST_TYPES.filter((_type, bit) => set & (1 << bit)), '*/*'].join(),
);

describe.each(STORES)('what is known of a tag of IMMUTABLE_TAGS, cache in $name', ({ variables }) => {
  it('is crowded out by no stranger who asks in many ways, and so no move is followed', async () => {
    const world = await World.create(MIRROR, { ...variables, MIRRORED_HOSTS: 'a.test,b.test' });
    const edge = world.createIsolate();
    const { bytes } = world.origin;
    const docker = () => edge.fetch(world.origin.path, manifestRequest('GET', MANIFEST_TYPES.join()));
    expect(await (await docker()).text()).toBe(bytes);
    await world.origin.move(bytes);
    for (const search of ['', '?ns=a.test', '?ns=b.test']) {
      for (const accept of MANY_ACCEPTS) {
        const answer = await edge.fetch(world.origin.path + search, manifestRequest('GET', accept));
        const text = await answer.text();
        if (accept.includes(OCI_MANIFEST)) expect([accept, search, text]).toEqual([accept, search, bytes]);
      }
    }
    expect(await (await docker()).text()).toBe(bytes);
  });

  it('is crowded out by nobody on an open mirror with the same store', async () => {
    const world = await World.create(WITH_TOKEN, variables);
    const [edge, { bytes }] = [world.createIsolate(), world.origin];
    await world.ask(edge, bytes);
    await world.origin.move(bytes);
    const own = { CLIENT_AUTH: 'anonymous', ORIGIN_URL: world.origin.url };
    const mirror = createEdge({ ...variables, ...IMMUTABLE, ...own });
    for (const accept of MANY_ACCEPTS) await mirror.fetch(world.origin.path, manifestRequest('GET', accept));
    expect(await world.ask(edge, bytes)).toEqual(YES);
  });
});

describe.each(SHARED_STORES)(
  'a tag of IMMUTABLE_TAGS in a new isolate, cache in $name',
  ({ variables, sharesTags }) => {
    it.each(PULLERS)('is answered to $name while the origin is dead, where isolates share tags', async (kind) => {
      const world = await World.create(kind, variables);
      const { bytes } = world.origin;
      await world.ask(world.createIsolate(), bytes);
      world.origin.isDead = true;
      world.clock.advance(HOUR_MS);
      const isAnswered = sharesTags && isProvenAtOnce(kind);
      expect(await world.ask(world.createIsolate(), bytes)).toEqual(isAnswered ? YES : UNREACHABLE);
    });
  },
);

import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { CLIENTS, crane } from './support/clients.ts';
import { type Outcome, runClient, SUCCESS } from './support/command.ts';
import { type Content, image, publish } from './support/contents.ts';
import { head } from './support/http.ts';
import { putManifest } from './support/manifests.ts';
import type { Registry } from './support/registry.ts';
import { resolversOf } from './support/resolvers.ts';
import { describeSetups, type Setup, type Started, startSetup } from './support/setups.ts';
import { skopeo } from './support/skopeo.ts';

const NAME = 'team/app';
const TAG_TTL_MS = 3_000;
const A = image('A');
const B = image('B');

/** Each resolver has a tag of its own. */
const RESOLVERS = resolversOf(NAME, [A, B]).map((resolver, position) => ({ ...resolver, tag: `tag-${position}` }));

const PULL_ONLY: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'durable', clientAuth: 'anonymous' },
];
const MAY_PUSH: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'origin' },
];
const TOOLS = ['crane', 'oras', 'regctl', 'skopeo'] as const;

async function start(setup: Setup): Promise<Started> {
  const started = await startSetup(setup, { TAG_TTL: `${TAG_TTL_MS}ms` });
  for (const content of [A, B]) await publish(started.origin.url, NAME, content, tagOf(content));
  return started;
}

function tagOf(content: Content): string {
  return content === A ? 'a' : 'b';
}

/** Moves a tag at the registry to content that it has. */
async function moveTag({ url }: Registry, tag: string, content: Content): Promise<void> {
  expect((await putManifest({ url, name: NAME, reference: tag }, content)).status).toBe(201);
}

function pullOnly(setup: Setup): void {
  let started: Started;
  const movedAt = new Map<string, number>();
  beforeAll(async () => {
    started = await start(setup);
  });

  test.for(RESOLVERS)('$name, within TAG_TTL of the move: the old manifest, each time', async ({ resolve, tag }) => {
    const { origin, edge } = started;
    await moveTag(origin, tag, A);
    expect(await resolve(edge, tag)).toBe(A.manifest.digest);
    await moveTag(origin, tag, B);
    movedAt.set(tag, Date.now());
    for (const _ of ['once', 'twice']) expect(await resolve(edge, tag)).toBe(A.manifest.digest);
    expect(await digestOf(origin.url, tag)).toBe(B.manifest.digest);
  });

  test.for(RESOLVERS)('$name, TAG_TTL after the move: the new manifest, each time', async ({ resolve, tag }) => {
    await setTimeout(Math.max(0, (movedAt.get(tag) ?? Number.NaN) + TAG_TTL_MS - Date.now()));
    for (const _ of ['once', 'twice']) expect(await resolve(started.edge, tag)).toBe(B.manifest.digest);
  });
}

/** Ways to push the image of one tag to another tag. */
const PUSHES: readonly { what: string; push(from: string, to: string): Promise<Outcome> }[] = [
  { what: 'crane copy', push: (from, to) => runClient('crane', ['copy', '--insecure', from, to]) },
  {
    what: 'crane push',
    async push(from, to) {
      const { folder } = await crane.pull(from);
      return runClient('crane', ['push', '--insecure', folder, to]);
    },
  },
  { what: 'oras cp', push: (from, to) => runClient('oras', ['cp', '--from-plain-http', '--to-plain-http', from, to]) },
  {
    what: 'regctl image copy',
    push(from, to) {
      const hosts = [from, to].flatMap((reference) => ['--host', `reg=${reference.split('/')[0]},tls=disabled`]);
      return runClient('regctl', [...hosts, 'image', 'copy', from, to]);
    },
  },
  {
    what: 'skopeo copy',
    push(from, to) {
      const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      return skopeo('copy', ...plain, `docker://${from}`, `docker://${to}`);
    },
  },
];
/** Ways to delete the manifest that a tag names; they ask for its digest first. */
const DELETES: readonly { what: string; remove(reference: string): Promise<Outcome> }[] = [
  { what: 'skopeo delete', remove: (reference) => skopeo('delete', '--tls-verify=false', `docker://${reference}`) },
  {
    what: 'oras manifest delete',
    remove: (reference) => runClient('oras', ['manifest', 'delete', '--plain-http', '--force', reference]),
  },
];

function mayPush(setup: Setup): void {
  let started: Started;
  beforeAll(async () => {
    started = await start(setup);
  });

  test.for(RESOLVERS)('$name: the new manifest at once', async ({ resolve, tag }) => {
    const { origin, edge } = started;
    for (const content of [A, B, A]) {
      await moveTag(origin, tag, content);
      expect(await resolve(edge, tag)).toBe(content.manifest.digest);
    }
  });

  test.for(PUSHES)(
    '$what of A to a tag that was moved from A to B: the tag names A in the end',
    async ({ what, push }) => {
      const { origin, edge } = started;
      const tag = what.replaceAll(' ', '-');
      // The first push finds A under the tag; the edge must not cache that.
      for (const content of [A, B]) {
        await moveTag(origin, tag, content);
        expect(await push(`${origin.host}/${NAME}:a`, `${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
      }
      for (const registry of [origin, edge]) expect(await digestOf(registry.url, tag)).toBe(A.manifest.digest);
    },
  );

  test.for(DELETES)(
    '$what of a tag that was moved: the old manifest stays, the new one is deleted',
    async ({ what, remove }) => {
      const { origin, edge } = started;
      const old = image(`${what}: old`);
      const moved = image(`${what}: moved`);
      const tag = what.replaceAll(' ', '-');
      for (const name of [tag, 'other']) await publish(origin.url, NAME, old, name);
      for (const { pull } of CLIENTS) expect(await pull(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);

      await publish(origin.url, NAME, moved, tag);
      expect(await remove(`${edge.host}/${NAME}:${tag}`)).toMatchObject(SUCCESS);
      for (const { url } of [origin, edge]) {
        expect(await digestOf(url, 'other')).toBe(old.manifest.digest);
        expect((await head(`${url}/v2/${NAME}/manifests/${old.manifest.digest}`, ACCEPT)).status).toBe(200);
        expect((await head(`${url}/v2/${NAME}/manifests/${moved.manifest.digest}`, ACCEPT)).status).toBe(404);
      }
    },
  );
}

const ACCEPT = { accept: A.mediaType };

/** @returns the digest of the manifest that a tag names */
async function digestOf(url: string, tag: string): Promise<string | undefined> {
  return (await head(`${url}/v2/${NAME}/manifests/${tag}`, ACCEPT)).headers['docker-content-digest'];
}

describeSetups(TOOLS, 'a tag that is moved at the origin, for callers that only pull', pullOnly, PULL_ONLY);
describeSetups(TOOLS, 'a tag that is moved at the origin, for callers that may push', mayPush, MAY_PUSH);

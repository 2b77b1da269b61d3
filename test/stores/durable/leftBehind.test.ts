import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import { uniqueDigest } from '../../support/digests.ts';
import { interceptObjects, OBJECTS } from '../../support/durableStore.ts';
import { createEdge } from '../../support/edge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { newManifest } from '../../support/pushManifest.ts';
import { putOf } from '../../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const DELETE = { method: 'DELETE' };
const NAMES = 100;
const STRANGER = { authorization: 'Basic c3RyYW5nZXI6' };
/** Longer than the retention, and the farthest that a tombstone reaches. */
const LIFE_MS = 2 * 86_400_000;

/** Everything that a client may ask of a repository. */
const QUESTIONS: readonly (readonly [method: string, path: string])[] = [
  ['HEAD', `blobs/${uniqueDigest()}`],
  ['GET', `blobs/${uniqueDigest()}`],
  ['HEAD', `manifests/${uniqueDigest()}`],
  ['GET', `manifests/${uniqueDigest()}`],
  ['HEAD', 'manifests/latest'],
  ['GET', 'manifests/latest'],
  ['GET', 'tags/list'],
  ['GET', `referrers/${uniqueDigest()}`],
  ['PUT', `manifests/${uniqueDigest()}`],
  ['PUT', 'manifests/latest'],
  ['POST', 'blobs/uploads/'],
  ['DELETE', `blobs/${uniqueDigest()}`],
  ['DELETE', `manifests/${uniqueDigest()}`],
  ['DELETE', 'manifests/latest'],
];

/** Sends a flood of questions about names. @returns the requests to objects, and the objects that it created */
async function flood(variables: Record<string, string>, status: number) {
  const requests: string[] = [];
  const objects = interceptObjects((method, _args, call) => {
    requests.push(method);
    return call();
  });
  const edge = createEdge(variables, { objects });
  const prefix = `/v2/flood/${crypto.randomUUID()}/`;
  await rig.rule({ prefix, status });
  const before = new Set((await listDurableObjectIds(env.REPOSITORIES)).map(String));
  for (let n = 0; n < NAMES; n++) {
    const [method, path] = QUESTIONS[n % QUESTIONS.length] as (typeof QUESTIONS)[number];
    await edge.fetch(`${prefix}${n}/${path}`, { method, headers: STRANGER });
  }
  const created = (await listDurableObjectIds(env.REPOSITORIES)).filter((id) => !before.has(String(id)));
  return { requests, created };
}

describe('a flood of names by a stranger', () => {
  it.each([401, 403, 404, 503])('to which the origin answers %i addresses no object', async (status) => {
    expect(await flood({}, status)).toEqual({ requests: [], created: [] });
  });

  it('at an open mirror, where everybody may read, leaves no row, no alarm and no byte', async () => {
    const { requests, created } = await flood({ CLIENT_AUTH: 'anonymous' }, 404);
    expect(new Set(requests)).toEqual(new Set(['readEntries', 'readPointers', 'readContent']));
    expect(created.length).toBeGreaterThan(0);
    for (const id of created) {
      const stub = env.REPOSITORIES.get(id) as unknown as DurableObjectStub<undefined>;
      expect(await storedIn(stub)).toEqual(EMPTY);
    }
  });
});

/** What an object has that has stored nothing, or has deleted everything. */
const EMPTY = { hasAlarm: false, tables: 0, bytes: 4_096 };

function storedIn(object: DurableObjectStub<undefined>) {
  return runInDurableObject(object, async (_instance, { storage }) => ({
    hasAlarm: (await storage.getAlarm()) !== null,
    tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\'").toArray().length,
    bytes: storage.sql.databaseSize,
  }));
}

/** Runs the alarm of an object. @returns what the object then has */
async function sweep(name: string) {
  const object = OBJECTS.get(OBJECTS.idFromName(name)) as unknown as DurableObjectStub<undefined>;
  expect(await runDurableObjectAlarm(object)).toBe(true);
  return storedIn(object);
}

it('after a DELETE of everything and the sweep, no object of the repository has anything left', async () => {
  const alias = 'swept';
  const edge = createEdge({}, { alias });
  const blob = await pushBlob();
  const manifest = await newManifest({ name: blob.name });
  await edge.fetch(blob.path, HEAD);
  expect((await edge.fetch(manifest.tagPath, putOf(manifest))).status).toBe(201);
  for (const path of [manifest.path, manifest.tagPath]) expect((await edge.fetch(path)).status).toBe(200);
  for (const path of [manifest.tagPath, blob.path]) expect((await edge.fetch(path, DELETE)).status).toBe(202);
  await edge.fetch(manifest.path, DELETE);

  const prefix = `upstream::${alias}::${new URL(inject('originUrl')).href} `;
  const names = [prefix + blob.name, `${prefix}content ${manifest.digest.slice(7, 9)}`];
  for (const name of names) expect(await sweep(name)).toMatchObject({ hasAlarm: true });
  edge.clock.advance(LIFE_MS);
  for (const name of names) expect(await sweep(name)).toEqual(EMPTY);
});

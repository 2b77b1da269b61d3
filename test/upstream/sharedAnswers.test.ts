import { describe, expect, it } from 'vitest';
import { delay } from '../../src/async.ts';
import { createClock } from '../support/context.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { blobOf, pushBlob, rig } from '../support/push.ts';
import { manifestRequest, OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';
import { NO_REDIS, REDIS } from '../support/redisStore.ts';
import { delayCalls } from '../support/slowStore.ts';
import { SHARED_STORES } from '../support/stores.ts';

const ADMIN = { ADMIN_TOKEN: 'an-operator-of-this-edge' };
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', LIST_TTL: '0' };

/** Content that is asked for while it is being deleted. */
interface Subject {
  readonly name: string;
  readonly path: string;
  readonly init: RequestInit;
  /** The path of other content of the same kind, which earns the grant. */
  readonly other: string;
  /** The path whose delete removes the content. */
  readonly deleted: string;
  /** The origin's answer from before the delete. */
  readonly answer: { readonly headers: Record<string, string>; readonly body?: string };
}

async function makeBlob(): Promise<Subject> {
  const { name, path, digest, bytes } = await pushBlob();
  const headers = { 'content-length': String(bytes.length), 'docker-content-digest': digest };
  const other = (await pushBlob(undefined, name)).path;
  return { name, path, init: { method: 'HEAD' }, other, deleted: path, answer: { headers } };
}

/** A blob that is asked for by its sha512 and deleted by its sha256. */
async function makeAlias(): Promise<Subject> {
  const subject = await makeBlob();
  const { path } = await blobOf(crypto.randomUUID(), subject.name, 'sha512');
  return { ...subject, path };
}

function manifestMaker(method: 'HEAD' | 'GET', by: 'digest' | 'tag', deletedBy = by) {
  return async (): Promise<Subject> => {
    const { name, path, tagPath, digest, bytes } = await pushManifest();
    const headers = {
      ...{ 'content-type': OCI_MANIFEST, 'docker-content-digest': digest },
      'content-length': String(bytes.length),
    };
    return {
      name,
      path: by === 'digest' ? path : tagPath,
      init: manifestRequest(method),
      other: (await pushManifest({ name, tag: 'other' })).path,
      deleted: deletedBy === 'digest' ? path : tagPath,
      answer: { headers, body: bytes },
    };
  };
}

const SUBJECTS: [what: string, make: () => Promise<Subject>][] = [
  ['a HEAD of a blob', makeBlob],
  ['a HEAD of a blob by another digest than the canonical one', makeAlias],
  ['a HEAD of a manifest', manifestMaker('HEAD', 'digest')],
  ['a GET of a manifest', manifestMaker('GET', 'digest')],
];

/** Makes two isolates on one store, with one clock. */
function createPair(one: Record<string, string>, other = one): [Edge, Edge] {
  const clock = createClock(Date.now());
  return [createEdge(one, { clock }), createEdge(other, { clock })];
}

/** Asks for the content and holds the origin's answer, which says that it exists. */
async function askHeld(edge: Edge, { path, init, answer: heldAnswer }: Subject) {
  const holdAs = crypto.randomUUID();
  await rig.rule({ prefix: path, method: init.method ?? 'GET', status: 200, ...heldAnswer, holdAs, times: 1 });
  const before = (await rig.requests(path)).length;
  const { answer, over } = edge.send(path, init);
  await expect.poll(async () => (await rig.requests(path)).length).toBe(before + 1);
  edge.clock.advance(1_000);
  return {
    async release() {
      await rig.release(holdAs);
      await over;
      return (await answer).status;
    },
  };
}

describe.each(SHARED_STORES)(
  'a shared answer, with a delete through another isolate while the origin answers, store: $name',
  ({ name: store, variables }) => {
    const closed = { ...variables, ...ADMIN };

    async function remove(edge: Edge, { name, deleted }: Subject, how: string): Promise<void> {
      if (how === 'a purge by hand') {
        await rig.rule({ prefix: deleted, status: 404 });
        const digest = deleted.split('/').at(-1);
        const headers = { authorization: `Bearer ${ADMIN.ADMIN_TOKEN}` };
        expect((await edge.fetch(`/_edge/cache/${name}@${digest}`, { method: 'DELETE', headers })).status).toBe(200);
      } else {
        expect((await edge.fetch(deleted, { method: 'DELETE' })).status).toBe(202);
      }
      edge.clock.advance(1_000);
    }

    describe.each(SUBJECTS)('%s', (_what, make) => {
      it.each(['a DELETE', 'a purge by hand'])(
        'is not used by a caller with a grant, who sees the tombstone of %s',
        async (how) => {
          const subject = await make();
          const [deleting, reading] = createPair(closed);
          await reading.fetch(subject.other, subject.init);
          const held = await askHeld(reading, subject);
          await remove(deleting, subject, how);
          const late = reading.send(subject.path, subject.init);
          await delay(50);
          expect(await held.release()).toBe(200);
          const answer = await late.answer;
          expect([answer.status, answer.headers.get('cache-status')]).toEqual([404, 'registry-edge; fwd=miss']);
        },
      );

      it('is not used by an unproven caller, for whom the tombstone is looked up', async () => {
        const subject = await make();
        const [deleting, reading] = createPair(closed);
        const held = await askHeld(reading, subject);
        await remove(deleting, subject, 'a DELETE');
        const late = reading.send(subject.path, subject.init);
        await delay(50);
        expect(await held.release()).toBe(200);
        expect((await late.answer).status).toBe(404);
      });

      it('is used with and without a grant, if nothing was deleted', async () => {
        for (const isGranted of [true, false]) {
          const subject = await make();
          const [, reading] = createPair(closed);
          if (isGranted) await reading.fetch(subject.other, subject.init);
          const held = await askHeld(reading, subject);
          const late = reading.send(subject.path, subject.init);
          await delay(50);
          expect(await held.release()).toBe(200);
          expect([(await late.answer).status, (await late.answer).headers.get('cache-status')]).toEqual([
            200,
            expect.stringContaining('; collapsed'),
          ]);
          expect(await rig.requests(subject.path)).toHaveLength(1);
        }
      });
    });

    // Isolates share tags only in Redis, but descriptors of manifests in both stores.
    const DELETED_BY = ['digest', ...(store === 'redis' ? (['tag'] as const) : [])] as const;
    const TAGGED = (['HEAD', 'GET'] as const).flatMap((method) => DELETED_BY.map((by) => ({ method, by })));

    it.each(TAGGED)(
      'to a $method by tag is not used by a caller that only pulls, if the manifest is deleted by its $by',
      async ({ method, by }) => {
        for (const ttl of ['10s', '0']) {
          const subject = await manifestMaker(method, 'tag', by)();
          const [deleting, reading] = createPair(closed, { ...variables, ...OPEN, TAG_TTL: ttl });
          const held = await askHeld(reading, subject);
          await remove(deleting, subject, 'a DELETE');
          await rig.rule({ prefix: subject.path, status: 404 });
          const late = reading.send(subject.path, subject.init);
          await delay(50);
          expect(await held.release()).toBe(200);
          expect((await late.answer).status).toBe(404);
        }
      },
    );
  },
);

describe.skipIf(NO_REDIS)("an isolate's memory", () => {
  it('keeps a late answer for MEMORY_TTL from its question, not from its arrival', async () => {
    const subject = await makeBlob();
    const [deleting, reading] = createPair(REDIS, { ...REDIS, ...OPEN, MEMORY_TTL: '30s' });
    const held = await askHeld(reading, subject);
    expect((await deleting.fetch(subject.deleted, { method: 'DELETE' })).status).toBe(202);
    reading.clock.advance(20_000);
    expect(await held.release()).toBe(200);
    reading.clock.advance(10_000);
    expect((await reading.fetch(subject.path, subject.init)).status).toBe(404);
  });
});

describe('a caller whose store fails', () => {
  it.each(['with a grant', 'unproven'])('uses no answer to an earlier question: %s', async (who) => {
    const subject = await makeBlob();
    const clock = createClock(Date.now());
    let isDown = false;
    const failIfDown = () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve());
    const edge = createEdge(
      {},
      { clock, upstream: (made) => ({ ...made, shared: delayCalls(made.shared, 'stat', failIfDown) }) },
    );
    if (who === 'with a grant') await edge.fetch(subject.other, subject.init);
    const held = await askHeld(edge, subject);
    isDown = true;
    await rig.rule({ prefix: subject.path, status: 404 });
    const late = edge.send(subject.path, subject.init);
    await delay(50);
    expect(await held.release()).toBe(200);
    expect((await late.answer).status).toBe(404);
  });
});

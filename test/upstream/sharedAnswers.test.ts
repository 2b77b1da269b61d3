import { describe, expect, it } from 'vitest';
import { createClock } from '../support/context.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { blobOf, pushBlob, rig } from '../support/push.ts';
import { asking, OCI_MANIFEST, pushManifest, REDIS } from '../support/pushManifest.ts';
import { NO_REDIS } from '../support/redisStore.ts';

const ADMIN = { ADMIN_TOKEN: 'an-operator-of-this-edge' };
const STORES: [store: string, variables: Record<string, string>][] = [['kv', { CACHE_TIMEOUT: '10s' }]];
if (!NO_REDIS) STORES.push(['redis', REDIS]);
const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', LIST_TTL: '0' };

/** What is asked for while the origin's answer is held, and what deletes it meanwhile. */
interface Subject {
  readonly name: string;
  readonly path: string;
  readonly init: RequestInit;
  /** Of the same kind, to get a grant by. */
  readonly other: string;
  readonly deleted: string;
  /** What the origin says, and said before the delete. */
  readonly said: { readonly headers: Record<string, string>; readonly body?: string };
}

async function blob(): Promise<Subject> {
  const { name, path, digest, bytes } = await pushBlob();
  const headers = { 'content-length': String(bytes.length), 'docker-content-digest': digest };
  const other = (await pushBlob(undefined, name)).path;
  return { name, path, init: { method: 'HEAD' }, other, deleted: path, said: { headers } };
}

/** Asked for by its sha512, deleted by its sha256. */
async function alias(): Promise<Subject> {
  const subject = await blob();
  const { path } = await blobOf(crypto.randomUUID(), subject.name, 'sha512');
  return { ...subject, path };
}

function manifest(method: 'HEAD' | 'GET', by: 'digest' | 'tag', deletedBy = by) {
  return async (): Promise<Subject> => {
    const { name, path, tagPath, digest, bytes } = await pushManifest();
    const headers = {
      ...{ 'content-type': OCI_MANIFEST, 'docker-content-digest': digest },
      'content-length': String(bytes.length),
    };
    return {
      name,
      path: by === 'digest' ? path : tagPath,
      init: asking(method),
      other: (await pushManifest({ name, tag: 'other' })).path,
      deleted: deletedBy === 'digest' ? path : tagPath,
      said: { headers, body: bytes },
    };
  };
}

const SUBJECTS: [what: string, make: () => Promise<Subject>][] = [
  ['HEAD of a blob', blob],
  ['HEAD of a blob by another digest than the canonical one', alias],
  ['HEAD of a manifest', manifest('HEAD', 'digest')],
  ['GET of a manifest', manifest('GET', 'digest')],
];

/** Two isolates on one store, with one clock. */
function pair(one: Record<string, string>, other = one): [Edge, Edge] {
  const clock = createClock(Date.now());
  return [createEdge(one, { clock }), createEdge(other, { clock })];
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Asks, and holds the origin's answer: it has decided that the content is there. */
async function askHeld(edge: Edge, { path, init, said }: Subject) {
  const holdAs = crypto.randomUUID();
  await rig.rule({ prefix: path, method: init.method ?? 'GET', status: 200, ...said, holdAs, times: 1 });
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

describe.each(STORES)(
  'an answer that another question brings, over a delete through another isolate: %s',
  (store, variables) => {
    const closed = { ...variables, ...ADMIN };

    async function removed(edge: Edge, { name, deleted }: Subject, how: string): Promise<void> {
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
        'is nothing to a caller with a grant, who sees the tombstone: %s',
        async (how) => {
          const subject = await make();
          const [deleting, asked] = pair(closed);
          await asked.fetch(subject.other, subject.init);
          const held = await askHeld(asked, subject);
          await removed(deleting, subject, how);
          const late = asked.send(subject.path, subject.init);
          await soon();
          expect(await held.release()).toBe(200);
          const answer = await late.answer;
          expect([answer.status, answer.headers.get('cache-status')]).toEqual([404, 'registry-edge; fwd=miss']);
        },
      );

      it('is nothing to an unproven caller, who looks before it takes what is shared', async () => {
        const subject = await make();
        const [deleting, asked] = pair(closed);
        const held = await askHeld(asked, subject);
        await removed(deleting, subject, 'a DELETE');
        const late = asked.send(subject.path, subject.init);
        await soon();
        expect(await held.release()).toBe(200);
        expect((await late.answer).status).toBe(404);
      });

      it('is one for all where nothing was deleted: with a grant, and without', async () => {
        for (const isGranted of [true, false]) {
          const subject = await make();
          const [, asked] = pair(closed);
          if (isGranted) await asked.fetch(subject.other, subject.init);
          const held = await askHeld(asked, subject);
          const late = asked.send(subject.path, subject.init);
          await soon();
          expect(await held.release()).toBe(200);
          expect([(await late.answer).status, (await late.answer).headers.get('cache-status')]).toEqual([
            200,
            expect.stringContaining('; collapsed'),
          ]);
          expect(await rig.requests(subject.path)).toHaveLength(1);
        }
      });
    });

    // Tags are shared in Redis only; a manifest's descriptor in both.
    const DELETED_BY = ['digest', ...(store === 'redis' ? (['tag'] as const) : [])] as const;
    const TAGGED = (['HEAD', 'GET'] as const).flatMap((method) => DELETED_BY.map((by) => ({ method, by })));

    it.each(TAGGED)('is nothing to who only pulls, by a tag: $method, deleted by its $by', async ({ method, by }) => {
      for (const ttl of ['10s', '0']) {
        const subject = await manifest(method, 'tag', by)();
        const [deleting, asked] = pair(closed, { ...variables, ...OPEN, TAG_TTL: ttl });
        const held = await askHeld(asked, subject);
        await removed(deleting, subject, 'a DELETE');
        await rig.rule({ prefix: subject.path, status: 404 });
        const late = asked.send(subject.path, subject.init);
        await soon();
        expect(await held.release()).toBe(200);
        expect((await late.answer).status).toBe(404);
      }
    });
  },
);

describe.skipIf(NO_REDIS)("an isolate's memory", () => {
  it('keeps what comes late for MEMORY_TTL from when it was asked, not from when it came', async () => {
    const subject = await blob();
    const [deleting, asked] = pair(REDIS, { ...REDIS, ...OPEN, MEMORY_TTL: '30s' });
    const held = await askHeld(asked, subject);
    expect((await deleting.fetch(subject.deleted, { method: 'DELETE' })).status).toBe(202);
    asked.clock.advance(20_000);
    expect(await held.release()).toBe(200);
    asked.clock.advance(10_000);
    expect((await asked.fetch(subject.path, subject.init)).status).toBe(404);
  });
});

describe('a caller whose store does not say', () => {
  it.each(['with a grant', 'unproven'])('takes nothing that was asked before it: %s', async (who) => {
    const subject = await blob();
    const clock = createClock(Date.now());
    let isDown = false;
    const edge = createEdge(
      {},
      {
        clock,
        upstream(made) {
          const repositoryScoped: typeof made.shared.repositoryScoped = (name, links) => ({
            ...made.shared.repositoryScoped(name, links),
            stat: (ctx, digest) =>
              isDown ? Promise.reject(new Error('down')) : made.shared.repositoryScoped(name, links).stat(ctx, digest),
          });
          return { ...made, shared: { ...made.shared, repositoryScoped } };
        },
      },
    );
    if (who === 'with a grant') await edge.fetch(subject.other, subject.init);
    const held = await askHeld(edge, subject);
    isDown = true;
    await rig.rule({ prefix: subject.path, status: 404 });
    const late = edge.send(subject.path, subject.init);
    await soon();
    expect(await held.release()).toBe(200);
    expect((await late.answer).status).toBe(404);
  });
});

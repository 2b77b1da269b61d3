import { DurableObject, env } from 'cloudflare:workers';

const { STORE, ORIGIN_URL, DESCRIPTORS, REPOSITORIES, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = env;
const BLOB = /\/blobs\/(sha256:[0-9a-f]{64})$/;
const LIFE_SECONDS = 86_400;
/** What says to the bench that the origin was not waited for. */
const HIT = 'registry-edge; hit';

/** The sizes of blobs, as an object of a repository keeps them. */
export class RepositoryObject extends DurableObject {
  constructor(state, bindings) {
    super(state, bindings);
    state.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, size INTEGER, confirmed INTEGER)',
    );
  }

  look(digest) {
    return this.ctx.storage.sql.exec('SELECT size FROM blobs WHERE digest = ?', digest).toArray()[0]?.size;
  }

  async keep(digest, size) {
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)', digest, size, Date.now());
    await this.ctx.storage.sync();
  }
}

async function redis(path, commands) {
  const headers = { authorization: `Bearer ${UPSTASH_REDIS_REST_TOKEN}` };
  const body = JSON.stringify(commands);
  return (await fetch(UPSTASH_REDIS_REST_URL + path, { method: 'POST', headers, body })).json();
}

const memory = new Map();
const objectOf = () => REPOSITORIES.get(REPOSITORIES.idFromName('all'));

/** One request for a look, and one for a write. */
const { look, keep } = {
  inmemory: { look: async (digest) => memory.get(digest), keep: async (digest, size) => memory.set(digest, size) },
  durable: { look: (digest) => objectOf().look(digest), keep: (digest, size) => objectOf().keep(digest, size) },
  kv: {
    look: async (digest) => (await DESCRIPTORS.get(digest)) ?? undefined,
    keep: (digest, size) => DESCRIPTORS.put(digest, String(size), { expirationTtl: LIFE_SECONDS }),
  },
  redis: {
    async look(digest) {
      const [{ result }] = await redis('/pipeline', [['HGET', digest, 'size']]);
      return result ?? undefined;
    },
    keep(digest, size) {
      const fields = ['size', String(size), 'confirmed', String(Date.now())];
      return redis('/multi-exec', [
        ['HSET', digest, ...fields],
        ['EXPIRE', digest, String(LIFE_SECONDS)],
      ]);
    },
  },
}[STORE];

/** The questions that are under way: a manifest waits for them. */
const underWay = new Set();
/** What the origin answers `GET /v2/`. */
let base;

async function keepFrom(response, digest) {
  if (response.ok) await keep(digest, Number(response.headers.get('content-length')));
}

async function ask(url, digest, authorization) {
  const { promise, resolve } = Promise.withResolvers();
  underWay.add(promise);
  const response = await fetch(url, { method: 'HEAD', headers: { authorization } }).finally(() => {
    underWay.delete(promise);
    resolve();
  });
  await keepFrom(response, digest);
}

/** Passes a request on. The addresses of uploads lead back here. */
async function pass({ method, headers, body }, url) {
  const response = await fetch(url, { method, headers, body, redirect: 'manual' });
  const location = response.headers.get('location');
  if (!location) return response;
  const { pathname, search } = new URL(location, url);
  const own = new Headers(response.headers);
  own.set('location', pathname + search);
  return new Response(response.body, { status: response.status, headers: own });
}

/**
 * Answers a push past the window as any edge has to: for each blob one look, one question after the reply and one
 * write; and the manifest goes on once all questions are answered. It verifies no token and judges nothing.
 */
export default {
  async fetch(request, _env, context) {
    const { pathname, search } = new URL(request.url);
    const url = ORIGIN_URL + pathname + search;
    if (pathname === '/v2/') {
      if (!base) {
        const { status, headers } = await fetch(url);
        base = { status, headers: [...headers].filter(([name]) => name !== 'content-length') };
      }
      return new Response(null, base);
    }
    const [, digest] = BLOB.exec(pathname) ?? [];
    if (request.method === 'HEAD' && digest) {
      const size = await look(digest);
      if (size === undefined) {
        const response = await pass(request, url);
        context.waitUntil(keepFrom(response, digest));
        return response;
      }
      context.waitUntil(ask(url, digest, request.headers.get('authorization') ?? ''));
      const headers = { 'content-length': String(size), 'docker-content-digest': digest, 'cache-status': HIT };
      return new Response(null, { headers });
    }
    if (request.method === 'PUT' && pathname.includes('/manifests/')) {
      const body = await request.arrayBuffer();
      await Promise.all(underWay);
      return fetch(url, { method: 'PUT', headers: request.headers, body });
    }
    return pass(request, url);
  },
};

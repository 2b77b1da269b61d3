import { vi } from 'vitest';
import { sha256 } from '../push.ts';

/** What one repository of an origin has. */
export interface Shelf {
  readonly blobs: Map<string, string>;
  readonly manifests: Map<string, string>;
  readonly tags: Map<string, string>;
}

/** An origin of the table, in the tests' own process: the table has thousands of cells. It lets everybody do all. */
export class TableOrigin {
  readonly url = `https://${crypto.randomUUID()}.test`;
  /** The methods of the requests that it got, in their order; with the path in `paths`. */
  readonly methods: string[] = [];
  readonly paths: string[] = [];
  /** Whether it answers nobody. */
  isDead = false;
  /** If it is set, the `Authorization` that it demands of everybody. */
  readonly demanded: string | undefined;
  readonly shelves = new Map<string, Shelf>();

  constructor(demanded?: string) {
    this.demanded = demanded;
    ORIGINS.set(this.url, this);
  }

  /** Puts content there, in place of all that was there. */
  stock(content: ReadonlyMap<string, Shelf>): void {
    this.shelves.clear();
    for (const [name, { blobs, manifests, tags }] of content) {
      this.shelves.set(name, { blobs: new Map(blobs), manifests: new Map(manifests), tags: new Map(tags) });
    }
  }

  async answer(url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> {
    this.methods.push(method);
    this.paths.push(url.pathname + url.search);
    const bytes = body ? await new Response(body as BodyInit).text() : '';
    if (this.isDead) throw new TypeError('the origin is dead');
    const sent = new Headers(headers);
    if (this.demanded !== undefined && sent.get('authorization') !== this.demanded) {
      return json(401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': 'Basic realm="origin"' });
    }
    return this.#route(url, { method, bytes, type: sent.get('content-type') ?? '' });
  }

  async #route(url: URL, { method, bytes, type }: { method: string; bytes: string; type: string }): Promise<Response> {
    if (url.pathname === '/v2/') return json(200, {});
    if (url.pathname === '/v2/_catalog') return json(200, { repositories: [...this.shelves.keys()].sort() });
    const [, name = '', noun, last = ''] =
      /^\/v2\/(.+)\/(blobs|manifests|tags|referrers)\/(.*)$/.exec(url.pathname) ?? [];
    const shelf = this.shelves.get(name);
    if (!shelf) return json(404, { errors: [{ code: 'NAME_UNKNOWN' }] });
    if (noun === 'tags') return json(200, { name, tags: [...shelf.tags.keys()].sort() });
    if (noun === 'referrers') return json(200, { schemaVersion: 2, manifests: [] });
    if (noun === 'blobs' && last.startsWith('uploads')) return this.#upload(url, name);
    if (noun === 'blobs') return content(method, shelf.blobs, { digest: last, type: 'application/octet-stream' });
    if (method === 'PUT') return put(shelf, name, { last, bytes, tags: url.searchParams.getAll('tag') });
    if (method === 'DELETE' && shelf.tags.delete(last)) return new Response(null, { status: 202 });
    return content(method, shelf.manifests, { digest: shelf.tags.get(last) ?? last, type: typeOf(type) });
  }

  #upload({ searchParams }: URL, name: string): Response {
    const [mount, from] = [searchParams.get('mount') ?? '', searchParams.get('from') ?? ''];
    const mounted = this.shelves.get(from)?.blobs.get(mount);
    if (mounted === undefined) {
      return new Response(null, { status: 202, headers: { location: `/v2/${name}/blobs/uploads/session` } });
    }
    this.shelves.get(name)?.blobs.set(mount, mounted);
    const headers = { location: `/v2/${name}/blobs/${mount}`, 'docker-content-digest': mount };
    return new Response(null, { status: 201, headers });
  }
}

const ORIGINS = new Map<string, TableOrigin>();

/** Answers requests to the origins of the table until `vi.restoreAllMocks`; all others are sent. */
export function listen(): void {
  const fetchAsIs = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const url = String(input instanceof Request ? input.url : input);
    const origin = URL.canParse(url) ? ORIGINS.get(new URL(url).origin) : undefined;
    return origin ? origin.answer(new URL(url), init ?? {}) : fetchAsIs(input, init);
  });
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

function typeOf(type: string): string {
  return type === '' ? MANIFEST_TYPE : type;
}

function content(method: string, all: Map<string, string>, { digest, type }: { digest: string; type: string }) {
  const bytes = all.get(digest);
  if (bytes === undefined) return json(404, { errors: [{ code: 'BLOB_UNKNOWN' }] });
  if (method === 'DELETE') return new Response(null, { status: all.delete(digest) ? 202 : 404 });
  const headers = { 'content-type': type, 'content-length': String(bytes.length), 'docker-content-digest': digest };
  return new Response(method === 'HEAD' ? null : bytes, { headers });
}

async function put(shelf: Shelf, name: string, sent: { last: string; bytes: string; tags: readonly string[] }) {
  const digest = await sha256(sent.bytes);
  shelf.manifests.set(digest, sent.bytes);
  for (const tag of [...(sent.last === digest ? [] : [sent.last]), ...sent.tags]) shelf.tags.set(tag, digest);
  const headers = { location: `/v2/${name}/manifests/${digest}`, 'docker-content-digest': digest };
  return new Response(null, { status: 201, headers });
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  const text = JSON.stringify(body);
  const known = { 'content-type': 'application/json', 'content-length': String(text.length) };
  return new Response(text, { status, headers: { ...known, ...headers } });
}

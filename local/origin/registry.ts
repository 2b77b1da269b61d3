import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { RegistryError } from '../../src/oci/errors.ts';
import { parseRoute, type Route, splitUrl } from '../../src/oci/route.ts';
import { Content, type Repository } from './content.ts';
import { answerBytes, rangeOf } from './ranges.ts';

/** A small in-memory registry with push, pull, delete, tags and referrers, for `npm start` and for tests. */
export function createRegistry(content = new Content()): Hono {
  const app = new Hono();
  app.all('/v2', (c) => answer(c));
  app.all('/v2/*', (c) => answer(c));
  app.onError((error, c) => {
    const failure = error instanceof RegistryError ? error : new RegistryError('UNKNOWN', { cause: error });
    const body = c.req.method === 'HEAD' ? null : failure.toBody();
    return new Response(body, { status: failure.status, headers: { 'content-type': 'application/json' } });
  });
  return app;

  async function answer(c: Context): Promise<Response> {
    const route = parseRoute(splitUrl(c.req.raw.url));
    const response = await dispatch(c, route);
    response.headers.set('docker-distribution-api-version', 'registry/2.0');
    return response;
  }

  function dispatch(c: Context, route: Route): Response | Promise<Response> {
    switch (route.kind) {
      case 'base':
        return Response.json({});
      case 'catalog':
        requireRead(c.req.raw);
        return catalog(c);
      case 'blob':
        return blob(c.req.raw, repositoryOf(route.name), route.digest);
      case 'manifest':
        return manifest(c.req.raw, route.name, route.reference.text);
      case 'upload':
        return upload(c, route.name, route.path);
      case 'tags':
        requireRead(c.req.raw);
        return Response.json({ name: route.name, tags: [...repositoryOf(route.name).tags.keys()].sort() });
      case 'referrers':
        requireRead(c.req.raw);
        return referrers(repositoryOf(route.name), route.digest);
      default:
        throw new RegistryError('NAME_UNKNOWN');
    }
  }

  /** Lists the repositories, a page at a time where `n` says so. */
  function catalog(c: Context): Response {
    const { n = '', last = '' } = c.req.query();
    const names = [...content.repositories.keys()].sort().filter((name) => name > last);
    const page = names.slice(0, Number.parseInt(n, 10) || names.length);
    const query = new URLSearchParams({ last: page.at(-1) ?? last, n });
    const link = page.length < names.length && { link: `</v2/_catalog?${query}>; rel="next"` };
    return Response.json({ repositories: page }, { headers: { ...link } });
  }

  /** @throws RegistryError NAME_UNKNOWN */
  function repositoryOf(name: string): Repository {
    const repository = content.repositories.get(name);
    if (!repository) throw new RegistryError('NAME_UNKNOWN', { message: 'no such repository', detail: { name } });
    return repository;
  }

  function blob(request: Request, repository: Repository, digest: string): Response {
    const bytes = repository.blobs.get(digest);
    if (!bytes) throw new RegistryError('BLOB_UNKNOWN', { detail: { digest } });
    if (request.method === 'DELETE') {
      repository.blobs.delete(digest);
      return new Response(null, { status: 202 });
    }
    requireRead(request);
    return answerBytes(request, bytes, {
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'cache-control': 'max-age=31536000',
      'accept-ranges': 'bytes',
    });
  }

  async function manifest(request: Request, name: string, reference: string): Promise<Response> {
    if (request.method === 'PUT') {
      const bytes = await bodyOf(request);
      const mediaType = request.headers.get('content-type') ?? 'application/vnd.oci.image.manifest.v1+json';
      const { digest, subject } = content.putManifest(name, reference, bytes, mediaType);
      const headers = { location: `/v2/${name}/manifests/${digest}`, 'docker-content-digest': digest };
      return new Response(null, { status: 201, headers: { ...headers, ...(subject && { 'oci-subject': subject }) } });
    }
    const repository = repositoryOf(name);
    const digest = repository.tags.get(reference) ?? reference;
    const stored = repository.manifests.get(digest);
    if (!stored) throw new RegistryError('MANIFEST_UNKNOWN', { detail: { reference } });
    if (request.method === 'DELETE') {
      if (!repository.tags.delete(reference)) {
        repository.manifests.delete(digest);
        for (const [tag, target] of repository.tags) if (target === digest) repository.tags.delete(tag);
      }
      return new Response(null, { status: 202 });
    }
    requireRead(request);
    const headers = { 'content-type': stored.mediaType, 'docker-content-digest': digest, etag: `"${digest}"` };
    return answerBytes(request, stored.bytes, headers);
  }

  function referrers(repository: Repository, subject: string): Response {
    const manifests = [...repository.manifests]
      .filter(([, stored]) => stored.subject === subject)
      .map(([digest, { bytes, mediaType, artifactType, annotations }]) => {
        return { mediaType, digest, size: bytes.length, artifactType, annotations };
      });
    const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
    return Response.json(index, { headers: { 'content-type': index.mediaType } });
  }

  /** Handles a session with PATCHes and a PUT, a mount from another repository, and a POST with a digest. */
  async function upload(c: Context, name: string, path: string): Promise<Response> {
    const repository = content.open(name);
    const id = path.slice(path.lastIndexOf('/') + 1);
    const digest = c.req.query('digest');
    if (c.req.method === 'POST') {
      const mount = c.req.query('mount') ?? '';
      const mounted = content.repositories.get(c.req.query('from') ?? '')?.blobs.get(mount);
      if (mounted) return created(name, mount, mounted);
      if (digest) return created(name, digest, await bodyOf(c.req.raw));
      const session = randomUUID();
      repository.uploads.set(session, []);
      return progress(name, session, [], 202);
    }
    const parts = repository.uploads.get(id);
    if (!parts) throw new RegistryError('BLOB_UPLOAD_UNKNOWN');
    switch (c.req.method) {
      case 'GET':
        return progress(name, id, parts, 204);
      case 'DELETE':
        repository.uploads.delete(id);
        return new Response(null, { status: 204 });
      case 'PATCH': {
        const first = rangeOf(c.req.header('content-range'))?.first;
        if (first !== undefined && first !== lengthOf(parts)) throw new RegistryError('RANGE_INVALID');
        parts.push(await bodyOf(c.req.raw));
        return progress(name, id, parts, 202);
      }
      case 'PUT': {
        const bytes = Buffer.concat([...parts, await bodyOf(c.req.raw)]);
        const response = created(name, digest ?? '', bytes);
        repository.uploads.delete(id);
        return response;
      }
    }
    throw new RegistryError('UNSUPPORTED');
  }

  function created(name: string, digest: string, bytes: Buffer): Response {
    content.putBlob(name, digest, bytes);
    const headers = { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest };
    return new Response(null, { status: 201, headers });
  }

  async function bodyOf(request: Request): Promise<Buffer> {
    const bytes = Buffer.from(await request.arrayBuffer());
    content.reserve(bytes.length);
    return bytes;
  }
}

function progress(name: string, id: string, parts: Buffer[], status: number): Response {
  const range = `0-${Math.max(0, lengthOf(parts) - 1)}`;
  return new Response(null, {
    status,
    headers: { location: `/v2/${name}/blobs/uploads/${id}`, 'docker-upload-uuid': id, range },
  });
}

function lengthOf(parts: Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function requireRead({ method }: Request): void {
  if (method !== 'GET' && method !== 'HEAD') throw new RegistryError('UNSUPPORTED');
}

import type { Right } from './callers.ts';
import { errorOf } from './errors.ts';
import type { ModelRegistry } from './registry.ts';

interface UploadRequest {
  readonly method: string;
  readonly name: string;
  readonly query: URLSearchParams;
  readonly route: { readonly path: string };
  readonly bytes: Uint8Array;
  readonly may: (right: Right, name?: string) => boolean;
}

/** The upload sessions of the registry, and mounts. */
export class Uploads {
  readonly #sessions = new Map<string, string>();
  #opened = 0;

  /** @param digestOfBody of the request's own body */
  answer(request: UploadRequest, digestOfBody: string, registry: ModelRegistry): Response {
    const { method, name, query, route, bytes, may } = request;
    const text = new TextDecoder().decode(bytes);
    const digest = query.get('digest') ?? '';
    const create = (created: string) => {
      registry.blob(name, created).set(true);
      const location = `/v2/${name}/blobs/${created}`;
      return new Response(null, { status: 201, headers: { location, 'docker-content-digest': created } });
    };
    if (method === 'POST') {
      const [mount = '', from = ''] = [query.get('mount') ?? '', query.get('from') ?? ''];
      if (mount && may('pull', from) && registry.blob(from, mount).value) return create(mount);
      if (!mount && digest) return digest === digestOfBody ? create(digest) : errorOf(400, 'DIGEST_INVALID');
      const location = `/v2/${name}/blobs/uploads/${++this.#opened}`;
      this.#sessions.set(location, '');
      return new Response(null, { status: 202, headers: { location } });
    }
    const received = this.#sessions.get(route.path);
    if (received === undefined) return errorOf(404, 'BLOB_UPLOAD_UNKNOWN');
    this.#sessions.set(route.path, received + text);
    if (method === 'PATCH') return new Response(null, { status: 202, headers: { location: route.path } });
    this.#sessions.delete(route.path);
    return registry.content(digest)?.bytes === received + text ? create(digest) : errorOf(400, 'DIGEST_INVALID');
  }
}

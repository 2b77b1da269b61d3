import { digestOf } from '../../src/oci/hash.ts';
import { parseRoute, type Route, splitUrl } from '../../src/oci/route.ts';
import type { Callers, Right } from './callers.ts';
import { errorOf } from './errors.ts';
import type { Content, ModelRegistry } from './registry.ts';
import type { Troubles } from './troubles.ts';
import { Uploads } from './uploads.ts';

export interface OriginOptions {
  readonly registry: ModelRegistry;
  readonly callers: Callers;
  readonly troubles: Troubles;
  /** Whether it refuses a manifest whose blobs it lacks; otherwise it accepts whatever it is sent. */
  readonly verifies: boolean;
  /** Called at the moment in which a manifest is accepted. */
  readonly onAccept: (name: string, manifest: Content) => void;
}

interface Asked {
  readonly method: string;
  readonly name: string;
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly bytes: Uint8Array;
  readonly may: (right: Right, name?: string) => boolean;
  readonly mediaType: string;
}

/** A registry's side of the wire, in front of a `ModelRegistry`. */
export class ModelOrigin {
  readonly #options: OriginOptions;
  readonly #uploads = new Uploads();

  constructor(options: OriginOptions) {
    this.#options = options;
  }

  /** Answers a request of an edge; request and answer are on their way for as long as the schedule wants. */
  async answer(url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> {
    const { callers, troubles } = this.#options;
    const sent = new Headers(headers);
    const judged = callers.judge(sent.get('authorization'));
    const bytes = body ? new Uint8Array(await new Response(body).arrayBuffer()) : new Uint8Array();
    const route = parseRoute(splitUrl(url.href));
    const name = 'name' in route ? route.name : '';
    const asked = { method, name, route, query: url.searchParams, bytes, mediaType: sent.get('content-type') ?? '' };
    const digest = await digestOf(bytes);
    const may = (right: Right, where = name) => judged(right, where);
    return troubles.visit(`origin: ${method} ${url.pathname}`, () => this.#decide({ ...asked, may }, digest));
  }

  #decide(asked: Asked, digestOfBody: string): Response {
    const { method, route, may } = asked;
    const isUpload = route.kind === 'upload' || method === 'PUT';
    const right = isUpload ? 'push' : ({ HEAD: 'stat', GET: 'pull', DELETE: 'delete' } as const)[method];
    if (!right || !may(right)) return may('stat') || may('push') ? errorOf(403, 'DENIED') : unauthorized();
    if (route.kind === 'upload') return this.#uploads.answer(asked, digestOfBody, this.#options.registry);
    if (route.kind === 'manifest' && method === 'PUT') return this.#accept(asked, digestOfBody, route.reference.text);
    if (route.kind === 'blob') return this.#blob(asked, route.digest);
    if (route.kind === 'manifest') return this.#manifest(asked, route.reference.text);
    return errorOf(404, 'NAME_UNKNOWN');
  }

  #blob({ method, name }: Asked, digest: string): Response {
    const { registry } = this.#options;
    const blob = registry.blob(name, digest);
    if (!blob.value) return errorOf(404, 'BLOB_UNKNOWN');
    if (method === 'DELETE') {
      blob.set(false);
      return new Response(null, { status: 202 });
    }
    return found(method, registry.content(digest) as Content);
  }

  #manifest({ method, name }: Asked, reference: string): Response {
    const { registry } = this.#options;
    const isDigest = reference.includes(':');
    const digest = isDigest ? reference : registry.tag(name, reference).value;
    if (!digest || !registry.manifest(name, digest).value) return errorOf(404, 'MANIFEST_UNKNOWN');
    if (method !== 'DELETE') return found(method, registry.content(digest) as Content);
    if (isDigest) registry.removeManifest(name, digest);
    else registry.tag(name, reference).set(undefined);
    return new Response(null, { status: 202 });
  }

  #accept({ name }: Asked, digest: string, reference: string): Response {
    const { registry, verifies, onAccept } = this.#options;
    const manifest = registry.content(digest);
    if (!manifest) return errorOf(400, 'MANIFEST_INVALID');
    const missing = manifest.needs.filter((needed) => !registry.blob(name, needed).value);
    if (verifies && missing.length > 0) return errorOf(400, 'MANIFEST_BLOB_UNKNOWN', missing);
    registry.manifest(name, digest).set(true);
    if (!reference.includes(':')) registry.tag(name, reference).set(manifest.digest);
    onAccept(name, manifest);
    const location = `/v2/${name}/manifests/${digest}`;
    return new Response(null, { status: 201, headers: { location, 'docker-content-digest': digest } });
  }
}

function unauthorized(): Response {
  const refused = errorOf(401, 'UNAUTHORIZED');
  refused.headers.set('www-authenticate', 'Basic realm="model"');
  return refused;
}

function found(method: string, { digest, bytes, mediaType }: Content): Response {
  const headers = {
    'docker-content-digest': digest,
    'content-length': String(bytes.length),
    'content-type': mediaType,
    'docker-distribution-api-version': 'registry/2.0',
  };
  return new Response(method === 'HEAD' ? null : bytes, { headers });
}

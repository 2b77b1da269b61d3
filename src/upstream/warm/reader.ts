import type { RequestContext } from '../../context.ts';
import type { ContentEntry, Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Image } from '../../oci/image.ts';
import { ALL_MANIFESTS } from '../../oci/mediaTypes.ts';
import type { RepositoryName } from '../../oci/name.ts';
import { parseRoute, type Route, splitUrl } from '../../oci/route.ts';
import type { Cooldown } from '../../policy/cooldown.ts';
import { BLOB_EXISTENCE } from '../existence.ts';
import { MANIFEST_CONTENT } from '../manifestContent.ts';
import type { ContentKind } from '../question.ts';
import { readContent } from '../read.ts';
import { Repository } from '../repository.ts';
import { resolveTag } from '../resolveTag.ts';
import type { Upstream } from '../upstream.ts';
import { type Counts, NOTHING } from './counts.ts';
import { Subrequests } from './subrequests.ts';
import { warmBytes } from './warmBytes.ts';

/** What the questions about one manifest and about one blob may cost. */
const MANIFEST_COST = 12;
const BLOB_COST = 7;
/** What it costs besides to store the bytes. */
const BYTES_COST = 5;
/** How many blobs are asked for at the same time. */
const LANES = 4;

/** Asks for content as a caller who only pulls does, as long as there are subrequests left. */
export class WarmReader {
  readonly counts: Counts = { ...NOTHING };
  readonly #ctx: RequestContext;
  readonly #upstream: Upstream;
  readonly #subrequests = new Subrequests();

  /** @param upstream as it is for callers who only pull */
  constructor(ctx: RequestContext, upstream: Upstream) {
    this.#ctx = ctx;
    this.#upstream = upstream;
  }

  /** Counts a manifest all of whose blobs were asked for. */
  finish({ descriptor }: Entry): void {
    this.counts.manifests += 1;
    this.counts.bytes += descriptor.size;
    this.#subrequests.advance();
  }

  /** Gives an image up. */
  skip(): void {
    this.#subrequests.advance();
  }

  /** Reads a manifest. @returns `undefined`: not in this request @throws RegistryError the origin does not have it */
  async manifest({ name, reference }: Image): Promise<ContentEntry | undefined> {
    if (!this.#subrequests.reserve(MANIFEST_COST)) return undefined;
    const asked = this.#ask('GET', `/v2/${name}/manifests/${reference.text}`);
    try {
      const { cooldown, policies } = this.#upstream;
      const isCooled = reference.kind === 'tag' && policies.isEnforced('COOLDOWN');
      const digest =
        isCooled && cooldown?.tags.matches(`${name}:${reference.text}`)
          ? await heldDigest(asked, cooldown, reference.text)
          : undefined;
      return await this.#read(digest ? ofDigest(asked, digest) : asked, MANIFEST_CONTENT);
    } finally {
      this.#subrequests.settle(MANIFEST_COST, asked.repository.ctx.events);
    }
  }

  /**
   * Asks for blobs, from the first on.
   * @returns how many of them; the rest is not for this request
   * @throws RegistryError the origin does not have one of them
   */
  async blobs(name: RepositoryName, digests: readonly Digest[]): Promise<number> {
    let done = 0;
    while (done < digests.length) {
      const batch = digests.slice(done, done + Math.min(LANES, this.#subrequests.fitting(this.#blobCost)));
      if (!this.#subrequests.reserve(this.#blobCost * batch.length)) break;
      await Promise.all(batch.map((digest) => this.#blob(name, digest)));
      this.#subrequests.advance();
      done += batch.length;
    }
    return done;
  }

  async #blob(name: RepositoryName, digest: Digest): Promise<void> {
    const asked = this.#ask('HEAD', `/v2/${name}/blobs/${digest}`);
    try {
      const { descriptor } = await this.#read(asked, BLOB_EXISTENCE);
      this.counts.blobs += 1;
      this.counts.bytes += descriptor.size;
      if (asked.repository.ctx.events.some(({ kind }) => kind === 'hit')) this.counts.known += 1;
      if (await warmBytes(asked.repository, { target: asked.route, descriptor })) this.counts.stored += 1;
    } finally {
      this.#subrequests.settle(this.#blobCost, asked.repository.ctx.events);
    }
  }

  get #blobCost(): number {
    return this.#upstream.bytes ? BLOB_COST + BYTES_COST : BLOB_COST;
  }

  #ask(method: 'GET' | 'HEAD', path: string): Asked {
    const headers = { accept: ALL_MANIFESTS };
    const ctx = this.#ctx.within(new Request(`https://edge${path}`, { method, headers, signal: this.#ctx.signal }));
    const route = parseRoute(splitUrl(ctx.request.url));
    if (route.kind !== 'blob' && route.kind !== 'manifest') throw new TypeError('neither a blob nor a manifest');
    return { repository: new Repository(ctx, this.#upstream, route.name), route };
  }

  async #read<E extends Entry>({ repository, route }: Asked, kind: ContentKind<E>): Promise<E> {
    const { ctx } = repository;
    this.#upstream.policies.check(ctx, route, false);
    const isBlob = route.kind === 'blob';
    const reference = isBlob ? ({ kind: 'digest', text: route.digest } as const) : route.reference;
    const outcome = await readContent(repository, {
      kind,
      target: route,
      reference,
      ...(isBlob ? {} : { accept: ALL_MANIFESTS }),
    });
    if (outcome.kind === 'relay') throw await refusal(outcome.response, route);
    return outcome.entry;
  }
}

type ContentRoute = Extract<Route, { kind: 'blob' | 'manifest' }>;

/** A question of the edge's own. */
interface Asked {
  readonly repository: Repository;
  readonly route: ContentRoute;
}

/** Returns the question for the digest to which a tag leads, in place of that for the tag. */
function ofDigest({ repository, route }: Asked, digest: Digest): Asked {
  const path = `/v2/${route.name}/manifests/${digest}`;
  return {
    repository,
    route: { kind: 'manifest', name: route.name, path, search: '', reference: { kind: 'digest', text: digest } },
  };
}

/**
 * Returns the digest to which a tag leads for callers that only pull.
 * @returns `undefined`: nobody can tell, and they get what the origin says
 * @throws RegistryError no digest counts, or nobody can tell and they get nothing
 */
async function heldDigest({ repository, route }: Asked, cooldown: Cooldown, tag: string): Promise<Digest | undefined> {
  const resolved = await resolveTag(repository, cooldown, { tag, target: route });
  if (resolved.kind === 'refused') throw await refusal(resolved.response, route);
  if (resolved.kind === 'seen' && resolved.held) return resolved.held;
  if (resolved.kind === 'unknown' && cooldown.unknown === 'pass') return undefined;
  throw new RegistryError('DENIED', { message: 'the tag leads to nothing yet for callers that only pull (COOLDOWN)' });
}

/** Returns what the origin's refusal means for whoever warms. */
async function refusal({ status, headers, body }: Response, { kind, path }: ContentRoute): Promise<RegistryError> {
  await body?.cancel();
  const retryAfter = headers.get('retry-after');
  const message = `the origin answered ${status} for ${path}`;
  if (status === 429)
    return new RegistryError('TOOMANYREQUESTS', { message, headers: retryAfter ? { 'Retry-After': retryAfter } : {} });
  if (status === 404) return new RegistryError(kind === 'blob' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN', { message });
  return new RegistryError(status === 401 || status === 403 ? 'DENIED' : 'ORIGIN_UNREACHABLE', { message });
}

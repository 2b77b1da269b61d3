import type { Access, AnswerKind } from '../access/authorizer.ts';
import { within } from '../async.ts';
import { type CacheItem, descriptorItem } from '../cache/item.ts';
import type { BlobDescriptorCacheProvider, RepositoryDescriptors } from '../cache/provider.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from './upstream.ts';

/** A repository of an upstream, for the caller of one request. What this caller may have is decided only here. */
export class Repository {
  readonly ctx: RequestContext;
  readonly upstream: Upstream;
  readonly name: RepositoryName;
  #isGranted = false;
  #mayPush = true;
  #proving: Promise<void> = Promise.resolve();

  constructor(ctx: RequestContext, upstream: Upstream, name: RepositoryName) {
    this.ctx = ctx;
    this.upstream = upstream;
    this.name = name;
  }

  /** Whether the caller has proved that it may have the kind of answer that was authorized last (law 1). */
  get isGranted(): boolean {
    return this.#isGranted;
  }

  /** Whether the caller may push (law 4). Nobody knows that of a caller without a grant, so it is assumed. */
  get mayPush(): boolean {
    return this.#mayPush;
  }

  /** Decides the caller's right to a kind of answer, before anything is read from the cache. */
  authorize(kind: AnswerKind): Access | Promise<Access> {
    const access = this.upstream.authorizer.authorize(this.ctx, this.name, kind);
    return access instanceof Promise ? access.then((decided) => this.#decide(decided)) : this.#decide(access);
  }

  #decide(access: Access): Access {
    this.ctx.emit({ kind: 'access', outcome: access.kind });
    this.#isGranted = access.kind === 'granted';
    this.#mayPush = access.kind !== 'granted' || access.mayPush;
    return access;
  }

  /** Whether the caller has a grant for one of these kinds now: one that it had before, or has just earned. */
  async hasGrant(...kinds: readonly AnswerKind[]): Promise<boolean> {
    for (const kind of kinds) {
      if ((await this.upstream.authorizer.authorize(this.ctx, this.name, kind)).kind === 'granted') return true;
    }
    return false;
  }

  /** Lets a proof count after this work, for which `untilProved` waits; it goes on after the reply. */
  proveAfter(work: Promise<void>): void {
    this.#proving = work;
    this.ctx.waitUntil(work);
  }

  /** Waits, at most `CACHE_TIMEOUT`, until a proof counts that the origin has just given. */
  async untilProved(): Promise<void> {
    await within(
      this.#proving.catch(() => undefined),
      this.upstream.cacheTimeoutMs,
    );
  }

  /** How long this caller may rely on the confirmed entry of a digest, in ms. */
  get windowMs(): number {
    const { ttls } = this.upstream;
    return this.#mayPush ? ttls.pushExistenceMs : ttls.descriptorMs;
  }

  /** Returns the entry in this isolate's memory, fresh or not. */
  peek(links: LinkSet, digest: Digest): Entry | undefined {
    return this.#reader.peek?.(this.ctx, this.name, links, digest);
  }

  /** Returns the cache item of a digest's descriptor. */
  item(links: LinkSet, digest: Digest): CacheItem {
    return this.#itemOf(this.#reader, links, digest);
  }

  /** The same, but read from the store that all isolates share, whatever this isolate remembers. */
  sharedItem(links: LinkSet, digest: Digest): CacheItem {
    return this.#itemOf(this.upstream.shared, links, digest);
  }

  #itemOf(reader: BlobDescriptorCacheProvider, links: LinkSet, digest: Digest): CacheItem {
    const item = descriptorItem(digest, {
      reader: reader.repositoryScoped(this.name, links),
      writer: () => this.descriptors(links),
      ttls: this.upstream.ttls,
    });
    const { bytes, recentLosses } = this.upstream;
    if (!bytes || links !== 'blobs') return item;
    return { ...item, onLost: (entry, sentAtMs) => recentLosses.add(this.name, { entry, sentAtMs }) };
  }

  /** The descriptors in all tiers, for writes and clears. */
  descriptors(links: LinkSet): RepositoryDescriptors {
    return this.upstream.descriptors.repositoryScoped(this.name, links);
  }

  /** The same in both link sets. */
  allDescriptors(): RepositoryDescriptors[] {
    return LINK_SETS.map((links) => this.descriptors(links));
  }

  /** All tiers, or for callers that may push the store that all isolates share. */
  get #reader() {
    return this.#mayPush ? this.upstream.shared : this.upstream.descriptors;
  }
}

import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import { createGenerations, type Generation } from './generations.ts';
import type { Memory } from './memory.ts';

/**
 * The blobs that callers have just uploaded through this isolate: the origin's 201 proved that the blob exists, and
 * nothing else. It spares the check of a manifest a question, and answers none.
 */
export interface RecentUploads {
  /** Records that the origin answered this caller's upload of the blob with 201. */
  add(ctx: RequestContext, name: RepositoryName, digest: Digest): void;
  /**
   * Returns when the last request of an upload arrived (epoch ms), if the upload is recorded: this caller's own, or to
   * a caller with a grant anybody's, since clients push with several tokens.
   */
  find(ctx: RequestContext, name: RepositoryName, digest: Digest, isGranted: boolean): number | undefined;
  /** Forgets the uploads to a repository, because something was deleted there. */
  drop(name: RepositoryName): void;
}

interface Upload {
  readonly sentAt: number;
  readonly caller: string;
  readonly generation: Generation;
}

const UPLOAD_BYTES = 100;

/** @param lifeMs `PUSH_EXISTENCE_TTL`: how long an upload counts */
export function createRecentUploads(memory: Memory, lifeMs: number): RecentUploads {
  const uploads = memory.part<Upload>('upload');
  const generations = createGenerations(memory, 'uploads');
  const keyOf = (name: RepositoryName, digest: Digest) => `${name} ${digest}`;
  return {
    add(ctx, name, digest) {
      const { caller, startedAt: sentAt } = ctx;
      if (caller === undefined || lifeMs === 0) return;
      const upload = { sentAt, caller, generation: generations.current(ctx, name, lifeMs) };
      // The text of the credential is counted as if no other value shared it.
      uploads.set(keyOf(name, digest), upload, sentAt + lifeMs, UPLOAD_BYTES + 2 * caller.length);
    },
    find(ctx, name, digest, isGranted) {
      const upload = uploads.get(keyOf(name, digest), ctx.now());
      if (!upload || upload.generation !== generations.current(ctx, name, lifeMs)) return undefined;
      return isGranted || upload.caller === ctx.caller ? upload.sentAt : undefined;
    },
    drop: (name) => generations.drop(name),
  };
}

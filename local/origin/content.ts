import { createHash } from 'node:crypto';
import { isDigest } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';

/** The content of one repository. Blobs and manifests are keyed by digest; a tag names a digest. */
export interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, Manifest>;
  readonly tags: Map<string, string>;
  readonly uploads: Map<string, Buffer[]>;
}

export interface Manifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** The digest of its subject; like the artifact type and the annotations, for the list of referrers. */
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Record<string, string> | undefined;
}

/** The limit of all repositories together; this registry is for trials and tests. */
const MAX_CONTENT_BYTES = 2 ** 30;

/** The repositories of an in-memory registry. */
export class Content {
  readonly repositories = new Map<string, Repository>();
  #bytes = 0;

  /** Returns the repository of this name, and creates it if it does not exist. */
  open(name: string): Repository {
    let repository = this.repositories.get(name);
    if (!repository) {
      repository = { blobs: new Map(), manifests: new Map(), tags: new Map(), uploads: new Map() };
      this.repositories.set(name, repository);
    }
    return repository;
  }

  /**
   * Reserves space for so many bytes.
   * @throws RegistryError SIZE_INVALID: the registry is full
   */
  reserve(bytes: number): void {
    if (this.#bytes + bytes > MAX_CONTENT_BYTES) {
      throw new RegistryError('SIZE_INVALID', { message: `this registry holds at most ${MAX_CONTENT_BYTES} bytes` });
    }
    this.#bytes += bytes;
  }

  /**
   * Stores a blob.
   * @throws RegistryError DIGEST_INVALID: the bytes have another digest
   */
  putBlob(name: string, digest: string, bytes: Buffer): void {
    if (digestOf(bytes, digest) !== digest) {
      throw new RegistryError('DIGEST_INVALID', { message: 'the content has another digest', detail: { digest } });
    }
    this.open(name).blobs.set(digest, bytes);
  }

  /**
   * Stores a manifest, and moves the tag to it.
   * @param reference a tag, or the digest of the bytes
   * @throws RegistryError MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID
   */
  putManifest(name: string, reference: string, bytes: Buffer, mediaType: string): { digest: string; subject?: string } {
    const repository = this.open(name);
    const digest = digestOf(bytes, reference);
    const parsed = parseManifest(bytes);
    if (isDigest(reference) && reference !== digest) {
      throw new RegistryError('DIGEST_INVALID', { message: 'the manifest has another digest', detail: { digest } });
    }
    const missing = [...parsed.blobs].filter((blob) => !repository.blobs.has(blob));
    if (missing.length > 0) throw new RegistryError('MANIFEST_BLOB_UNKNOWN', { detail: { digests: missing } });
    const { subject, artifactType, annotations } = parsed;
    repository.manifests.set(digest, { bytes, mediaType, subject, artifactType, annotations });
    if (!isDigest(reference)) repository.tags.set(reference, digest);
    return { digest, ...(subject && { subject }) };
  }
}

/**
 * Computes a digest.
 * @param like a digest whose algorithm is used; without a digest it is sha256
 */
export function digestOf(bytes: Buffer, like = ''): string {
  const algorithm = isDigest(like) ? like.slice(0, like.indexOf(':')) : 'sha256';
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

interface ManifestDocument {
  config?: { digest: string; mediaType?: string };
  layers?: { digest: string }[];
  subject?: { digest: string };
  artifactType?: string;
  annotations?: Record<string, string>;
}

function parseManifest(bytes: Buffer) {
  let document: ManifestDocument;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new RegistryError('MANIFEST_INVALID', { message: 'the manifest is not JSON', cause });
  }
  const blobs = [document.config, ...(document.layers ?? [])].flatMap((part) => (part ? [part.digest] : []));
  return {
    blobs: new Set(blobs),
    subject: document.subject?.digest,
    artifactType: document.artifactType ?? document.config?.mediaType,
    annotations: document.annotations,
  };
}

import { createHash } from 'node:crypto';
import { isDigest } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';

/** The content of one repository. Everything is keyed by digest; a tag points to one. */
export interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, Manifest>;
  readonly tags: Map<string, string>;
  readonly uploads: Map<string, Buffer[]>;
}

export interface Manifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** What it refers to, its artifact type and annotations: for the referrers list. */
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Record<string, string> | undefined;
}

/** In all repositories together; this registry is for trying things out. */
const MAX_CONTENT_BYTES = 2 ** 30;

/** An in-memory registry's repositories. */
export class Content {
  readonly repositories = new Map<string, Repository>();
  #bytes = 0;

  /** The repository of this name, made when first written to. */
  open(name: string): Repository {
    let repository = this.repositories.get(name);
    if (!repository) {
      repository = { blobs: new Map(), manifests: new Map(), tags: new Map(), uploads: new Map() };
      this.repositories.set(name, repository);
    }
    return repository;
  }

  /** @throws RegistryError SIZE_INVALID: the registry is full */
  take(bytes: number): void {
    if (this.#bytes + bytes > MAX_CONTENT_BYTES) {
      throw new RegistryError('SIZE_INVALID', { message: `this registry holds at most ${MAX_CONTENT_BYTES} bytes` });
    }
    this.#bytes += bytes;
  }

  /** @throws RegistryError DIGEST_INVALID: the bytes have another digest */
  putBlob(name: string, digest: string, bytes: Buffer): void {
    if (digestOf(bytes, digest) !== digest) {
      throw new RegistryError('DIGEST_INVALID', { message: 'the content has another digest', detail: { digest } });
    }
    this.open(name).blobs.set(digest, bytes);
  }

  /**
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

/** @param like a digest whose algorithm is to be used; sha256 for anything else */
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
    throw new RegistryError('MANIFEST_INVALID', { message: 'the manifest is no JSON', cause });
  }
  const blobs = [document.config, ...(document.layers ?? [])].flatMap((part) => (part ? [part.digest] : []));
  return {
    blobs: new Set(blobs),
    subject: document.subject?.digest,
    artifactType: document.artifactType ?? document.config?.mediaType,
    annotations: document.annotations,
  };
}

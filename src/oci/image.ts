import { quoted, RegistryError } from './errors.ts';
import { parseRepositoryName, type RepositoryName } from './name.ts';
import { parseReference, type Reference } from './reference.ts';

/** An image in a registry: what clients write without the registry's host. */
export interface Image {
  readonly name: RepositoryName;
  readonly reference: Exclude<Reference, { kind: 'foreign' }>;
}

const IMAGE = /^([^:@]+)(?::([^:@/]+))?(?:@(.+))?$/;

/**
 * Reads an image such as `team/app`, `team/app:v1` or `team/app@sha256:…`. Without tag and digest it is `latest`; with
 * both, the digest counts, as for clients.
 * @throws RegistryError REQUEST_INVALID: it has no such form; NAME_INVALID, TAG_INVALID, DIGEST_INVALID
 */
export function parseImage(text: string): Image {
  const [, name, tag = 'latest', digest] = IMAGE.exec(text) ?? [];
  if (name === undefined) {
    throw new RegistryError('REQUEST_INVALID', {
      message: 'invalid image: expected one without the host of a registry, such as team/app:v1',
      detail: { image: quoted(text) },
    });
  }
  const reference = parseReference(digest ?? tag);
  if (reference.kind === 'foreign') throw new RegistryError('DIGEST_INVALID');
  return { name: parseRepositoryName(name), reference };
}

import { DOCKER, OCI } from './contents.ts';

/**
 * The media types that clients accept when they ask for a manifest: from the sources of docker and containerd, and from
 * the wire for crane 0.21.9, oras 1.3.3, regctl 0.11.5 and skopeo 1.9.3. For blobs, only containerd sends an Accept.
 */

const OCI_ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
const SIGNED_SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+json';

export interface AcceptSet {
  readonly client: string;
  /**
   * The header's value, or one value for each of its lines.
   * @param mediaType the type that the client expects, which it learnt from an index or from a HEAD
   */
  accept(mediaType: string): string | string[];
}

export const ACCEPTS: readonly AcceptSet[] = [
  {
    // One line for each type, in the order of a Go map, which changes from one request to the next.
    client: 'docker',
    accept: () => [OCI.index, SIGNED_SCHEMA_1, 'application/json', DOCKER.manifest, OCI.manifest, DOCKER.index],
  },
  {
    client: 'docker, in another order',
    accept: () => ['application/json', OCI.manifest, DOCKER.index, SIGNED_SCHEMA_1, OCI.index, DOCKER.manifest],
  },
  {
    client: 'containerd, resolving',
    accept: () => [DOCKER.manifest, DOCKER.index, OCI.manifest, OCI.index, '*/*'].join(', '),
  },
  { client: 'containerd, fetching', accept: (mediaType) => `${mediaType}, */*` },
  {
    client: 'crane',
    accept: () => [SCHEMA_1, SIGNED_SCHEMA_1, DOCKER.manifest, OCI.manifest, DOCKER.index, OCI.index].join(','),
  },
  { client: 'crane and oras, fetching what an index names', accept: (mediaType) => mediaType },
  {
    client: 'oras',
    accept: () => [DOCKER.manifest, DOCKER.index, OCI.manifest, OCI.index, OCI_ARTIFACT].join(', '),
  },
  {
    client: 'regctl',
    accept: () =>
      [OCI.index, OCI.manifest, DOCKER.index, DOCKER.manifest, SIGNED_SCHEMA_1, SCHEMA_1, OCI_ARTIFACT].join(', '),
  },
  {
    client: 'skopeo',
    accept: () => [OCI.manifest, DOCKER.manifest, SIGNED_SCHEMA_1, SCHEMA_1, DOCKER.index, OCI.index].join(', '),
  },
  // These accept fewer types than the contents have: a registry refuses, or converts.
  { client: 'a client before OCI', accept: () => DOCKER.manifest },
  { client: 'a client that knows no index', accept: () => OCI.manifest },
  { client: 'curl', accept: () => '*/*' },
  { client: 'a client without an Accept', accept: () => [] },
];

/** A repository links a digest as a blob or as a manifest. An entry of one link set never answers for the other. */
export type LinkSet = 'blobs' | 'manifests';
export const LINK_SETS = ['blobs', 'manifests'] as const satisfies readonly LinkSet[];

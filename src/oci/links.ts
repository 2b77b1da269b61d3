/** What a digest is linked as: an entry of one link set never answers for the other. */
export type LinkSet = 'blobs' | 'manifests';
export const LINK_SETS = ['blobs', 'manifests'] as const satisfies readonly LinkSet[];

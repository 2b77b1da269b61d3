/** What has been warmed. */
export interface Counts {
  manifests: number;
  blobs: number;
  /** The size of all of them. */
  bytes: number;
  /** How many of the blobs were known already. */
  known: number;
  /** Of how many blobs the bytes were stored at the edge. */
  stored: number;
}

export const NOTHING: Readonly<Counts> = { manifests: 0, blobs: 0, bytes: 0, known: 0, stored: 0 };

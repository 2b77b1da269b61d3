/** What has been warmed, as `POST /_edge/warm` counts it. */
export interface Counts {
  manifests: number;
  blobs: number;
  bytes: number;
  /** How many of the blobs were known already. */
  known: number;
  /** Of how many blobs the bytes were stored at the edge. */
  stored: number;
}

/** Receives what a piece of the work has done. */
export type Report = (done: Counts) => void;

/** Warms one image. @throws Error what went wrong, in words for people */
export type WarmImage = (image: string, report: Report) => Promise<void>;

import type { Outcome } from '../command.ts';
import type { RecordingServer } from '../hubs/recording.ts';

/** What an example has around it in a test: a registry that speaks as the one it is made for, and a client. */
export interface Side {
  /** Stands in for the addresses and secrets of whoever copies the example; a path such as `UPSTREAMS.hub.ORIGIN_URL`. */
  readonly replaced: Readonly<Record<string, string>>;
  /** The registry, and whoever gives tokens or passwords for it. */
  readonly servers: readonly RecordingServer[];
  /**
   * Pulls or pushes by a real client.
   * @param host the edge, as clients write it in front of a name
   */
  use(host: string): Promise<Outcome>;
  /** What they hear also the second time, as `METHOD path`; by default nothing. */
  readonly again?: RegExp;
}

/** A blob: without `BLOB_STORE`, the edge has no bytes of one. */
export const BYTES = /^GET \/v2\/.+\/blobs\//;

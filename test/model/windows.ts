/** How long the edges of the model may answer what, in ms. */
export const WINDOWS = {
  /** `PUSH_EXISTENCE_TTL` */
  push: 10_000,
  /** `PUSH_STALE_WHILE_REVALIDATE` */
  stale: 40_000,
  /** `DESCRIPTOR_TTL` */
  descriptor: 30_000,
  /** `TAG_TTL` */
  tag: 5_000,
  /** `STALE_IF_ERROR`: so much longer, while the origin fails */
  staleIfError: 20_000,
  /** `MEMORY_TTL` */
  memory: 3_000,
  /** A grant lasts so long after the proof. */
  grant: 60_000,
  /** The clocks of two isolates differ by this much at most. */
  skew: 2_000,
} as const;

/** The same as variables of the edge. */
export const TTLS = {
  PUSH_EXISTENCE_TTL: `${WINDOWS.push}ms`,
  PUSH_STALE_WHILE_REVALIDATE: `${WINDOWS.stale}ms`,
  DESCRIPTOR_TTL: `${WINDOWS.descriptor}ms`,
  TAG_TTL: `${WINDOWS.tag}ms`,
  STALE_IF_ERROR: `${WINDOWS.staleIfError}ms`,
  MEMORY_TTL: `${WINDOWS.memory}ms`,
};

/** What happened in all sequences together, so that a test can show that its property did not hold trivially. */
export interface Tally {
  /** A HEAD said "exists" of a blob that was gone; `late`: for longer than `PUSH_EXISTENCE_TTL`. */
  lies: number;
  lateLies: number;
  /** The edge refused a manifest, or let one through that names a blob that has just gone. */
  refused: number;
  broken: number;
  accepted: number;
  /** Refused pushes that were repeated at once, and got through. */
  repeated: number;
}

export function newTally(): Tally {
  return { lies: 0, lateLies: 0, refused: 0, broken: 0, accepted: 0, repeated: 0 };
}

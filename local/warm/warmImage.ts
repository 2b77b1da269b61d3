import type { Counts } from '../../src/upstream/warm/counts.ts';

/** Receives what a piece of the work has done. */
export type Report = (done: Counts) => void;

/** Warms one image. @throws Error what went wrong, in words for people */
export type WarmImage = (image: string, report: Report) => Promise<void>;

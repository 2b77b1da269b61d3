import { numberText } from './report.ts';

/** V8 prints with `--trace-gc`: `… 1159 ms: Scavenge 1.3 (2.5) -> 0.9 (3.0) MB, pooled: 0.0 MB, 1.37 / 0.00 ms …`. */
const COLLECTION = /^\[\d+:0x.+\]\s+\d+ ms: .+? MB, (?:pooled: [\d.]+ MB, )?([\d.]+) \/ [\d.]+ ms/gm;

/** Reads the pauses of the garbage collection from a log, in ms. */
export function pausesMs(log: string): number[] {
  return [...log.matchAll(COLLECTION)].map(([, pause]) => Number(pause));
}

/** Summarizes pauses, such as `12 pauses, 3.1 ms at most, 20 ms in all`. */
export function pausesText(pauses: readonly number[]): string {
  const total = pauses.reduce((sum, pause) => sum + pause, 0);
  return `${pauses.length} pauses, ${numberText(Math.max(0, ...pauses))} ms at most, ${numberText(total)} ms in all`;
}

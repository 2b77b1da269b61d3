import type { Allowance } from './allowance.ts';
import { describeDifference } from './compare.ts';
import { type Callers, generateSteps } from './generate.ts';
import { minimise } from './minimise.ts';
import { type Divergence, type Observer, type Pair, runSteps } from './run.ts';
import { describeStep, type Step } from './step.ts';

/** A random sequence, and where it is sent. */
export interface Sequence {
  readonly seed: number;
  readonly count: number;
  readonly callers: Callers;
  /** The places of the only steps that are sent; by default all are. */
  readonly only?: readonly number[] | undefined;
  /** The differences that are no fault, if there are others than usual. */
  readonly allowed?: readonly Allowance[];
  /** Whether a step is sent; by default all are. */
  readonly isSent?: (step: Step) => boolean;
  /** Returns clients of the two worlds that know of no session. */
  newPair(): Pair;
}

/** A divergence. */
export interface Found {
  /** The places of the steps in the shortest sequence that shows it. */
  readonly places: readonly number[];
  /** What was answered, and that sequence. */
  readonly text: string;
}

/** The search for a short sequence ends after this. */
const MINIMISING_MS = 90_000;

/**
 * Sends a sequence to two worlds until they answer differently. The sequence is then shortened, by replaying parts of
 * it with other names and other content.
 * @returns `undefined` where they never differ
 */
export async function findDivergence(sequence: Sequence, observe: Observer): Promise<Found | undefined> {
  const { seed, count } = sequence;
  const { isSent = () => true } = sequence;
  const shape = generateSteps(seed, count, 'shape', sequence.callers);
  const places = (sequence.only ?? shape.map((_, at) => at)).filter((at) => {
    const step = shape[at];
    return step && isSent(step);
  });
  let runs = 0;
  const replay = (kept: readonly number[], observer?: Observer) => {
    const all = generateSteps(seed, Math.max(...kept, 0) + 1, `r${runs++}`, sequence.callers);
    const steps = kept.flatMap((at) => all[at] ?? []);
    return runSteps(sequence.newPair(), steps, observer, sequence.allowed);
  };

  const found = await replay(places, observe);
  if (!found) return undefined;
  const kind = kindOf(found);
  let shortest = found;
  const fails = async (kept: readonly number[]) => {
    const again = await replay(kept);
    if (!again || kindOf(again) !== kind) return false;
    shortest = again;
    return true;
  };
  const kept = await minimise(places.slice(0, found.at + 1), fails, MINIMISING_MS);
  return describe(sequence, shortest, kept, runs);
}

/** Tells divergences apart, so that a shorter sequence shows the same fault and no other. */
function kindOf({ exchange: { step, alone, edge }, differences }: Divergence): string {
  const fields = differences.map(({ field }) => field);
  return [step.route, step.method, alone.status, edge.status, ...fields].join(' ');
}

function describe({ seed, callers }: Sequence, shortest: Divergence, places: readonly number[], runs: number): Found {
  const all = generateSteps(seed, Math.max(...places) + 1, 'r0', callers);
  const lines = places.flatMap((at) => {
    const step = all[at];
    return step ? [`  ${at}. ${describeStep(step)}`] : [];
  });
  const text = [
    `request ${places.at(-1)} was answered differently:`,
    ...shortest.differences.map((difference) => `  ${describeDifference(difference)}`),
    `the shortest sequence of ${runs} replays:`,
    ...lines,
  ].join('\n');
  return { places, text };
}

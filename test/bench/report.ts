import type { JourneyLine } from './journeys/lines.ts';
import { type Comparison, compare, type Spread } from './rounds.ts';

/** The bound of a ratio. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the table: the edge against something else. */
export interface Figure {
  readonly row: string;
  /** The quantity that was measured, with its unit. */
  readonly measure: string;
  readonly against: string;
  readonly compared: Comparison;
  /** Absent: the figure is for information. */
  readonly target?: Target;
}

/** A line of the table whose row could not be measured. */
export interface Failure {
  readonly row: string;
  readonly reason: string;
}

export type Line = Figure | Failure;

/** The result of a row. */
export interface Report {
  readonly figures: readonly Line[];
  /** Lines of the table of journeys. */
  readonly journeys?: readonly JourneyLine[];
  /** Paragraphs below the table. */
  readonly notes?: readonly string[];
}

/**
 * Makes a figure of the results of all rounds.
 * @param value returns the compared number of a result
 */
export function figureOf<T>(
  about: Omit<Figure, 'compared'>,
  { edge, other }: { readonly edge: readonly T[]; readonly other: readonly T[] },
  value: (result: T) => number,
): Figure {
  return { ...about, compared: compare(edge.map(value), other.map(value)) };
}

/** Whether the target is met; `undefined` without a target. */
export function isMet({ compared, target }: Figure): boolean | undefined {
  if (!target) return undefined;
  const { median } = compared.ratio;
  return 'atLeast' in target ? median >= target.atLeast : median <= target.atMost;
}

/**
 * A table for docs/benchmarks.md: medians, with the minimum and the maximum of the rounds. A row that could not be
 * measured has its reason in its place.
 */
export function figuresTable(all: readonly Line[]): string {
  const lines = all.map((figure) => {
    if ('reason' in figure) return [`\`${figure.row}\``, failureText(figure.reason), '', '', '', '', '', ''];
    const { row, measure, against, compared, target } = figure;
    const bound = target && ('atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`);
    const met = isMet(figure) ? 'yes' : 'NO';
    const spreads = [compared.edge, compared.other, compared.ratio].map(spreadText);
    return [`\`${row}\``, measure, against, ...spreads, bound ?? '', target ? met : ''];
  });
  return table(['row', 'measure', 'against', 'edge', 'other', 'ratio', 'target', 'met'], lines);
}

export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map(() => '---');
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Programs print what is most telling last, and callers put in front what it is about. */
const [FIRST_CHARACTERS, LAST_CHARACTERS] = [40, 200];

/** Why something could not be measured, in one cell of a table. */
export function failureText(reason: string): string {
  const line = reason.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();
  const isLong = line.length > FIRST_CHARACTERS + LAST_CHARACTERS;
  return `not measured: ${isLong ? `${line.slice(0, FIRST_CHARACTERS)}…${line.slice(-LAST_CHARACTERS)}` : line}`;
}

export function spreadText({ median, min, max }: Spread): string {
  return `${numberText(median)} (${numberText(min)}–${numberText(max)})`;
}

/** A number with three significant digits. */
export function numberText(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

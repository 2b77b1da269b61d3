import type { Digest } from '../../src/oci/digest.ts';
import type { Answer } from './answers.ts';
import type { Asker, LawsOptions } from './laws.ts';
import { type Content, entryOf } from './registry.ts';
import { Violation } from './violation.ts';
import { WINDOWS } from './windows.ts';

interface Push {
  readonly asker: Asker;
  readonly startedAt: number;
  /** Whether the registry has told this caller of blobs for all of the time. */
  readonly isDecided: () => boolean;
}

/** Judges the pushes of manifests: law 4 at the commit. */
export class Commits {
  readonly #options: LawsOptions;
  /** The pushes that are under way, by repository and manifest. */
  readonly #open = new Map<string, Set<Push>>();
  /** `broken`: a manifest was accepted although a blob had gone, within the window. */
  readonly tally = { accepted: 0, refused: 0, broken: 0 };

  constructor(options: LawsOptions) {
    this.#options = options;
  }

  /** Begins a push. @returns what judges its answer */
  begin(asker: Asker, { digest, needs }: Content): (answer: Answer) => void {
    const { now, registry, callers } = this.#options;
    const { caller, name } = asker;
    const push: Push = { asker, startedAt: now(), isDecided: callers.watchTold(caller, name) };
    const open = entryOf(this.#open, `${name} ${digest}`, () => new Set<Push>());
    open.add(push);
    const marks = needs.map((needed) => [needed, registry.blob(name, needed).mark()] as const);
    return ({ status, body }) => {
      open.delete(push);
      if (status === 500) throw new Violation('3, an edge fails without need', asker);
      if (status !== 400) return;
      this.tally.refused += 1;
      for (const [needed, mark] of marks) {
        if (body.includes(needed) && registry.blob(name, needed).since(mark).every(Boolean)) {
          throw new Violation('4, a manifest is refused for a blob that exists', { ...asker, needed });
        }
      }
    };
  }

  /** Judges a manifest at the moment in which the registry accepts it. */
  judge(name: string, { digest, needs }: Content): void {
    const { registry } = this.#options;
    this.tally.accepted += 1;
    const pushes = [...(this.#open.get(`${name} ${digest}`) ?? [])];
    // Nobody can check a manifest for a caller whom the registry does not tell of blobs.
    if (pushes.length === 0 || pushes.some(({ isDecided }) => !isDecided())) return;
    const since = Math.min(...pushes.map(({ startedAt }) => startedAt)) - WINDOWS.push - WINDOWS.skew;
    const missing = needs.filter((needed) => !registry.blob(name, needed).value);
    if (missing.length > 0) this.tally.broken += 1;
    const lost = missing.filter((needed: Digest) => !registry.blob(name, needed).sinceTime(since).includes(true));
    if (lost.length > 0) {
      throw new Violation('4, a manifest is committed over a missing blob', {
        name,
        lost,
        pushes: pushes.map(({ asker }) => asker),
      });
    }
  }
}

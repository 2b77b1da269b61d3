import type { RateLimit } from '../http/rateLimit.ts';

/** How many pulls an origin allows within which time. */
export interface Allowance {
  readonly limit: number;
  readonly windowMs: number;
}

/** What is known of an origin's allowance. Times are epoch ms, by the clock of whoever counts. */
export interface PullBudget {
  /** `undefined`: nobody has said what it is. */
  readonly allowance: Allowance | undefined;
  /** What the origin's headers tell counts before what `UPSTREAM_BUDGET` declares. */
  readonly knownBy: 'header' | 'declared' | undefined;
  /** When the window began: with its first pull; 0: it has not begun. */
  readonly startedAt: number;
  /** How many pulls were taken in this window. */
  readonly counted: number;
  /**
   * How many pulls of others the origin counts besides: its address or account may be theirs, too. Below 0, its window
   * began later than this one.
   */
  readonly others: number;
  /** When headers told that number; 0: never. */
  readonly toldAt: number;
  /** Until when the origin wants no requests, as a 429 with `Retry-After` said; 0: it has said nothing. */
  readonly limitedUntil: number;
}

/** What an origin's answer tells whoever counts. */
export interface Told {
  readonly status: number;
  /** Its `RateLimit` headers, if it has any. */
  readonly rateLimit: RateLimit | undefined;
  /** For how long a 429 wants no requests, in ms; 0: it is none, or does not say. */
  readonly limitedMs: number;
}

/** When the question was asked whose answer told something. */
export interface Hearing {
  readonly nowMs: number;
  /** When its pull was taken (epoch ms); 0: nobody knows. */
  readonly takenAt: number;
  /** How many other pulls were taken, and are not answered yet. */
  readonly open: number;
}

export const UNKNOWN_BUDGET: PullBudget = {
  ...{ allowance: undefined, knownBy: undefined },
  ...{ startedAt: 0, counted: 0, others: 0, toldAt: 0, limitedUntil: 0 },
};

/** Pulls without an allowance are counted by the day, so that operators see how many there are. */
const UNLIMITED_WINDOW_MS = 86_400_000;
/** However long an origin asks for, it is asked again after this. */
export const MAX_LIMITED_MS = 300_000;
const MAX_RESERVE = 100;
const MIN_RESERVE = 3;

export function windowMsOf({ allowance }: Pick<PullBudget, 'allowance'>): number {
  return allowance?.windowMs ?? UNLIMITED_WINDOW_MS;
}

/** Returns how many pulls are left; `undefined` without an allowance. */
export function leftOf({ allowance, counted, others }: PullBudget): number | undefined {
  return allowance && Math.min(allowance.limit, Math.max(0, allowance.limit - counted - others));
}

/** Returns a budget as it is now: a window that has ended has begun anew, and a declared allowance holds. */
export function budgetAt(known: PullBudget, declared: Allowance | undefined, nowMs: number): PullBudget {
  const isOver = known.startedAt > 0 && nowMs >= known.startedAt + windowMsOf(known);
  const budget = isOver ? { ...known, startedAt: 0, counted: 0, others: 0 } : known;
  if (budget.knownBy === 'header') return budget;
  return { ...budget, allowance: declared, knownBy: declared && 'declared', others: 0 };
}

/** Counts a pull that is about to be sent. */
export function countPull(budget: PullBudget, nowMs: number): PullBudget {
  return { ...budget, startedAt: budget.startedAt || nowMs, counted: budget.counted + 1 };
}

/**
 * Whether a pull is better spared, if there is something else to answer with: the origin wants no requests, or what is
 * left is kept for what nobody knows yet. That is a tenth of the allowance, but at least 3 pulls and at most 100, and
 * never more than half of it.
 */
export function isSpared(budget: PullBudget, nowMs: number): boolean {
  const left = leftOf(budget);
  return nowMs < budget.limitedUntil || (left !== undefined && left <= reserveOf(budget.allowance?.limit ?? 0));
}

function reserveOf(limit: number): number {
  return Math.min(Math.max(Math.ceil(limit / 10), MIN_RESERVE), Math.floor(limit / 2), MAX_RESERVE);
}

/** Takes over what an answer tells: it knows of pulls that others have sent, too. */
export function hear(budget: PullBudget, told: Told, hearing: Hearing): PullBudget {
  const { rateLimit, limitedMs } = told;
  const limitedUntil = Math.max(budget.limitedUntil, limitedMs > 0 ? hearing.nowMs + limitedMs : 0);
  const heard = rateLimit ? hearLimit(budget, rateLimit, told, hearing) : hearNothing(budget, told, hearing);
  return { ...heard, limitedUntil };
}

function hearLimit(budget: PullBudget, rateLimit: RateLimit, { status }: Told, hearing: Hearing): PullBudget {
  const { nowMs, takenAt, open } = hearing;
  const { limit = budget.allowance?.limit, windowMs = budget.allowance?.windowMs } = rateLimit;
  if (limit === undefined || windowMs === undefined) return budget;
  const remaining = rateLimit.remaining ?? (status === 429 ? 0 : undefined);
  const known = { ...budget, allowance: { limit, windowMs }, knownBy: 'header' } as const;
  if (remaining === undefined) return known;
  // At least so many: of the pulls that were counted here, the origin may not have counted all before it answered.
  const others = limit - remaining - budget.counted;
  // Even if none of those that are open was, there are fewer than before: the origin's window has begun anew.
  const isLater = budget.knownBy !== 'header' || takenAt > budget.toldAt;
  const isAnew = isLater && others + open < budget.others;
  return {
    ...known,
    others: isAnew ? others : Math.max(budget.others, others),
    toldAt: isLater ? nowMs : budget.toldAt,
  };
}

/** Forgets what headers told, if the origin has told nothing for a whole window. */
function hearNothing(budget: PullBudget, { status }: Told, { takenAt }: Hearing): PullBudget {
  const isOutdated = budget.knownBy === 'header' && status < 400 && takenAt >= budget.toldAt + windowMsOf(budget);
  return isOutdated ? { ...budget, allowance: undefined, knownBy: undefined, others: 0 } : budget;
}

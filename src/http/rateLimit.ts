/** What an answer tells of its origin's limit. */
export interface RateLimit {
  /** How many requests are allowed within the window. */
  readonly limit?: number | undefined;
  readonly windowMs?: number | undefined;
  /** How many of them are left. */
  readonly remaining?: number | undefined;
}

/** More is no limit that anybody could come near to. */
const MAX_COUNT = 1_000_000_000;
const MAX_WINDOW_SECONDS = 31 * 86_400;

/**
 * Reads `RateLimit-Limit` and `RateLimit-Remaining` as Docker Hub sends them (`100;w=21600`: within that many seconds),
 * and as draft-ietf-httpapi-ratelimit-headers-03 has them: of several limits, the first one counts.
 * @returns `undefined` if they tell nothing
 */
export function rateLimitIn(headers: Headers): RateLimit | undefined {
  const total = countIn(headers.get('ratelimit-limit'));
  const left = countIn(headers.get('ratelimit-remaining'));
  if (!total && !left) return undefined;
  return { limit: total?.count || undefined, windowMs: total?.windowMs ?? left?.windowMs, remaining: left?.count };
}

function countIn(value: string | null) {
  const [, count = '', parameters = ''] = /^\s*([0-9]{1,10})\s*((?:;[^,]*)?)(?:,|$)/.exec(value ?? '') ?? [];
  if (count === '' || Number(count) > MAX_COUNT) return undefined;
  const [, window = '0'] = /;\s*w=([0-9]{1,8})\s*(?:;|$)/.exec(parameters) ?? [];
  const seconds = Math.min(Number(window), MAX_WINDOW_SECONDS);
  return { count: Number(count), windowMs: seconds > 0 ? seconds * 1_000 : undefined };
}

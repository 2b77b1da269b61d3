import * as v from 'valibot';

/**
 * How the values of variables are written. Unset and empty are the same; wrangler hands on an unquoted `true` or number
 * as what it is.
 */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** What KV takes as an expiration and a timer as a delay, with a margin. */
const LONGEST = '20d';
const UNIT_BYTES = { KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const;

/** A variable of one form; what says `undefined` to its value is bad, and `expected` tells what was wanted. */
export function variable<T>(fallback: string, expected: string, parse: (value: string) => T | undefined) {
  return v.pipe(
    v.optional(v.union([v.string(), v.boolean(), v.number()], expected), ''),
    v.transform((value) => String(value).trim()),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value || fallback);
      if (parsed !== undefined) return parsed;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
}

/** A duration of 0 or more, up to `longest`. */
export function duration(fallback: string, longest = LONGEST) {
  const expected = `expected a duration up to ${longest}, such as 0, 250ms, 30s, 5m, 1h or 7d`;
  return variable(fallback, expected, (value) => between(0, millisecondsIn(value), millisecondsIn(longest)));
}

/** A duration that is waited: too short nothing can answer in it, too long it bounds nothing. */
export function wait(fallback: string, shortest: string, longest: string) {
  const expected = `expected a duration from ${shortest} to ${longest}, such as ${fallback}`;
  return variable(fallback, expected, (value) =>
    between(millisecondsIn(shortest), millisecondsIn(value), millisecondsIn(longest)),
  );
}

/** @param why the bounds are there */
export function size(fallback: string, smallest: string, largest: string, why: string) {
  const expected = `expected a size from ${smallest} to ${largest}, such as 512KiB or ${fallback}: ${why}`;
  return variable(fallback, expected, (value) => between(bytesIn(smallest), bytesIn(value), bytesIn(largest)));
}

/** @param why the least is what it is */
export function count(fallback: string, least: number, why: string) {
  return variable(fallback, `expected a whole number from ${least} to 999999: ${why}`, (value) =>
    /^[1-9][0-9]{0,5}$/.test(value) ? between(least, Number(value), 999_999) : undefined,
  );
}

function millisecondsIn(text: string): number {
  if (text === '0') return 0;
  const [, count, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return count && unit ? Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] : Number.NaN;
}

function bytesIn(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,5})(KiB|MiB|GiB)$/.exec(text) ?? [];
  return count && unit ? Number(count) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES] : Number.NaN;
}

function between(least: number, value: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined;
}

export function oneOf<const T extends string>(fallback: string, choices: readonly T[]) {
  return variable(fallback, `expected ${choices.join(' or ')}`, (value) => choices.find((choice) => choice === value));
}

export function flag(fallback: 'true' | 'false') {
  return v.pipe(
    oneOf(fallback, ['true', 'false']),
    v.transform((value) => value === 'true'),
  );
}

/** An http or https URL without login, query or fragment. */
export function bareUrl(expected: string) {
  return variable('', expected, (value) => {
    if (!URL.canParse(value)) return undefined;
    const url = new URL(value);
    const isBare = !url.username && !url.password && !/[?#]/.test(value);
    return isBare && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined;
  });
}

/** A list is compared with every redirect, or made into a set at the start of every isolate. */
const MAX_HOSTS = 100;
/** RFC 1035: of a name as it is written. */
const MAX_HOST_CHARACTERS = 253;
const AUTHORITY = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?$/;
const HOST = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;

/** Hosts, with a port or without, between commas. */
export function authorityList() {
  const expected = `expected at most ${MAX_HOSTS} hosts such as docker.io,registry.example.com:5000`;
  return variable('', expected, (value) => listOf(value, isAuthority));
}

/** Host names between commas; none at all is `undefined`. */
export function hostList() {
  const expected = `expected at most ${MAX_HOSTS} host names such as storage.example.com,*.cdn.example.com`;
  return variable('', expected, (value) => {
    const names = listOf(value, (name) => HOST.test(name) && name.length <= MAX_HOST_CHARACTERS);
    return names && { names: names.length > 0 ? names : undefined };
  });
}

function isAuthority(text: string): boolean {
  const [host = '', port = '1'] = text.split(':');
  return AUTHORITY.test(text) && host.length <= MAX_HOST_CHARACTERS && between(1, Number(port), 65_535) !== undefined;
}

function listOf(value: string, isOne: (text: string) => boolean): string[] | undefined {
  const ones = value === '' ? [] : value.split(',').map((one) => one.trim().toLowerCase());
  return ones.length <= MAX_HOSTS && ones.every(isOne) ? ones : undefined;
}

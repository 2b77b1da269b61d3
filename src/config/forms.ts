import { MAX_PATTERNS, parsePatterns } from '../oci/patterns.ts';

/**
 * The forms in which variables are written. Unset and empty mean the same. wrangler keeps an unquoted `true` or number.
 */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** KV accepts this as an expiration, and a timer as a delay, with a margin. */
const MAX_DURATION = '20d';
const UNIT_BYTES = { KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const;

/** What a variable says, or how it should be written. */
export type Reading<T> = { readonly value: T } | { readonly problem: string };

/** A form in which a variable is written. A function, since a library of schemas would slow every cold start by 5 %. */
export type Form<T> = (raw: unknown) => Reading<T>;

/** A variable of one form. If `parse` returns `undefined`, the value is bad, and `expected` is the message. */
export function variable<T>(fallback: string, expected: string, parse: (value: string) => T | undefined): Form<T> {
  return (raw = '') => {
    if (!['string', 'boolean', 'number'].includes(typeof raw)) return { problem: expected };
    const value = parse(String(raw).trim() || fallback);
    return value === undefined ? { problem: expected } : { value };
  };
}

/** A form whose values have to pass a check as well. @param expected the message about those that do not */
export function checked<T>(form: Form<T>, isGood: (value: T) => boolean, expected: string): Form<T> {
  return (raw) => {
    const reading = form(raw);
    return 'value' in reading && !isGood(reading.value) ? { problem: expected } : reading;
  };
}

/** A duration of 0 or more, in ms. */
export function duration(fallback: string, max = MAX_DURATION) {
  const expected = `expected a duration up to ${max}, such as 0, 250ms, 30s, 5m, 1h or 7d`;
  return variable(fallback, expected, (value) => ifBetween(0, parseMilliseconds(value), parseMilliseconds(max)));
}

/**
 * A duration to wait for an answer, in ms: if it is too short nothing answers in time, if it is too long it limits
 * nothing.
 */
export function timeout(fallback: string, min: string, max: string) {
  const expected = `expected a duration from ${min} to ${max}, such as ${fallback}`;
  return variable(fallback, expected, (value) =>
    ifBetween(parseMilliseconds(min), parseMilliseconds(value), parseMilliseconds(max)),
  );
}

/** A size, in bytes. @param why the reason for the bounds */
export function size(fallback: string, min: string, max: string, why: string) {
  const expected = `expected a size from ${min} to ${max}, such as 512KiB or ${fallback}: ${why}`;
  return variable(fallback, expected, (value) => ifBetween(parseBytes(min), parseBytes(value), parseBytes(max)));
}

/** A whole number. @param why the reason for the minimum */
export function count(fallback: string, min: number, why: string) {
  return variable(fallback, `expected a whole number from ${min} to 999999: ${why}`, (value) =>
    /^[1-9][0-9]{0,5}$/.test(value) ? ifBetween(min, Number(value), 999_999) : undefined,
  );
}

/** Reads a duration. @returns `NaN` if it is none */
export function parseMilliseconds(text: string): number {
  if (text === '0') return 0;
  const [, count, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return count && unit ? Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] : Number.NaN;
}

function parseBytes(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,5})(KiB|MiB|GiB)$/.exec(text) ?? [];
  return count && unit ? Number(count) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES] : Number.NaN;
}

function ifBetween(min: number, value: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

export function oneOf<const T extends string>(fallback: string, choices: readonly T[]) {
  return variable(fallback, `expected ${choices.join(' or ')}`, (value) => choices.find((choice) => choice === value));
}

/** As `oneOf`; unset is the empty string. */
export function oneOfOrNone<const T extends string>(choices: readonly T[]) {
  const expected = `expected ${choices.join(' or ')}, or none`;
  return variable('', expected, (value) => (value === '' ? value : choices.find((choice) => choice === value)));
}

export function flag(fallback: 'true' | 'false') {
  const flags = new Map([
    ['true', true],
    ['false', false],
  ]);
  return variable(fallback, 'expected true or false', (value) => flags.get(value));
}

/** An http or https URL without user, password, query or fragment. */
export function bareUrl(expected: string) {
  return variable('', expected, (value) => {
    if (!URL.canParse(value)) return undefined;
    const url = new URL(value);
    const isBare = !url.username && !url.password && !/[?#]/.test(value);
    return isBare && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined;
  });
}

/** Every redirect is compared with the whole list, and every isolate builds a set of it when it starts. */
const MAX_HOSTS = 100;
/** RFC 1035, for a name in its written form. */
const MAX_HOST_CHARACTERS = 253;
const HOST_WITH_PORT = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?$/;
/** A repository has no colon, and a tag no slash. */
const TAG_PATTERN = /^!?(?:[^:!]+:)?[^:/!]+$/;
const HOST_PATTERN = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;

/** Hosts between commas, each with a port or without. @param example such a host */
export function hosts(example: string) {
  const expected = `expected at most ${MAX_HOSTS} hosts such as ${example},registry.example.com:5000`;
  return variable('', expected, (value) => parseList(value, isHostWithPort));
}

/** Host names between commas, `*.` in front of one standing for all below it; unset is `undefined`. */
export function hostPatterns() {
  const expected = `expected at most ${MAX_HOSTS} host names such as storage.example.com,*.cdn.example.com`;
  return variable('', expected, (value) => {
    const patterns = parseList(value, (text) => HOST_PATTERN.test(text) && text.length <= MAX_HOST_CHARACTERS);
    return patterns && { patterns: patterns.length > 0 ? patterns : undefined };
  });
}

/** Patterns of names, as every variable has them. @param example some of them */
export function patterns(example: string) {
  const expected = `expected at most ${MAX_PATTERNS} patterns such as ${example}, and not only excluding ones`;
  return variable('', expected, parsePatterns);
}

/**
 * Patterns of tags: `<repository>:<tag>`, or a tag alone, which is one of every repository.
 * @param example some of them
 */
export function tagPatterns(example: string, fallback = '') {
  const expected = `expected at most ${MAX_PATTERNS} patterns such as ${example}, and not only excluding ones`;
  return variable(fallback, expected, (value) => {
    const items = value === '' ? [] : value.split(',').map((item) => item.trim());
    if (!items.every((item) => TAG_PATTERN.test(item))) return undefined;
    return parsePatterns(items.map((item) => (item.includes(':') ? item : item.replace(/^!?/, '$&**:'))).join());
  });
}

function isHostWithPort(text: string): boolean {
  const [host = '', port = '1'] = text.split(':');
  const isPort = ifBetween(1, Number(port), 65_535) !== undefined;
  return HOST_WITH_PORT.test(text) && host.length <= MAX_HOST_CHARACTERS && isPort;
}

function parseList(value: string, isItem: (text: string) => boolean): string[] | undefined {
  const items = value === '' ? [] : value.split(',').map((item) => item.trim().toLowerCase());
  return items.length <= MAX_HOSTS && items.every(isItem) ? items : undefined;
}

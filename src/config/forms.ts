import * as v from 'valibot';

/**
 * How the values of variables are written. Unset and empty are the same; wrangler hands on an unquoted `true` or number
 * as what it is.
 */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** What KV takes as an expiration and a timer as a delay, with a margin. */
const MAX_DURATION_MS = 20 * 86_400_000;
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

export function duration(fallback: string) {
  return variable(fallback, 'expected a duration up to 20d, such as 0, 250ms, 30s, 5m, 1h or 7d', (value) => {
    if (value === '0') return 0;
    const [, count, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(value) ?? [];
    const ms = count && unit ? Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] : Number.POSITIVE_INFINITY;
    return ms <= MAX_DURATION_MS ? ms : undefined;
  });
}

/** A duration that means something only above 0. */
export function wait(fallback: string) {
  return v.pipe(
    duration(fallback),
    v.check((ms) => ms > 0, 'expected a duration above 0, such as 250ms or 30s'),
  );
}

export function size(fallback: string) {
  return variable(fallback, 'expected a size such as 512KiB, 16MiB or 1GiB', (value) => {
    const [, count, unit] = /^([1-9][0-9]{0,5})(KiB|MiB|GiB)$/.exec(value) ?? [];
    return count && unit ? Number(count) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES] : undefined;
  });
}

export function count(fallback: string) {
  return variable(fallback, 'expected a whole number from 1 to 999999', (value) =>
    /^[1-9][0-9]{0,5}$/.test(value) ? Number(value) : undefined,
  );
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

const AUTHORITY = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?$/;

/** Hosts, with a port or without, between commas. */
export function authorityList() {
  return variable('', 'expected hosts such as docker.io,registry.example.com:5000', (value) => {
    const hosts = value === '' ? [] : value.split(',').map((host) => host.trim().toLowerCase());
    return hosts.every((host) => AUTHORITY.test(host)) ? hosts : undefined;
  });
}

const HOST = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;

/** Host names between commas; none at all is `undefined`. */
export function hostList() {
  return variable('', 'expected host names such as storage.example.com,*.cdn.example.com', (value) => {
    const names = value === '' ? undefined : value.split(',').map((name) => name.trim().toLowerCase());
    return (names ?? []).every((name) => HOST.test(name)) ? { names } : undefined;
  });
}

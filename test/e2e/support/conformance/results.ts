/** How the tests of one run of the conformance suite ended. */
export interface Results {
  /**
   * The outcomes of each test as `status: message`, sorted, since the suite iterates over maps. It does the same test
   * several times with other content, so a test has several outcomes.
   */
  readonly outcomes: ReadonlyMap<string, readonly string[]>;
  readonly counts: Counts;
}

export interface Counts {
  readonly passed: number;
  readonly skipped: number;
  readonly failed: number;
}

/** A test that ended otherwise in one run than in another: the outcomes that only one of the two runs has. */
export interface Difference {
  readonly test: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** What is random in the messages, and what stands for it. */
const RANDOM: readonly (readonly [RegExp, string])[] = [
  [/\b127\.0\.0\.1:\d+/g, 'REGISTRY'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID'],
  [/\b(?:[0-9a-f]{128}|[0-9a-f]{64})\b/g, 'HASH'],
  // The layers are compressed random bytes, so their sizes and those of what names them differ.
  [/\b(size"?:)\d+/gi, '$1SIZE'],
  [/\bAnnotations:map\[.*?\]/g, 'Annotations'],
];

const TEST_CASE = /<testcase name="([^"]*)"[^>]*? status="([a-z]+)">(.*?)<\/testcase>/gs;
const MESSAGE = /<system-out>(.*?)<\/system-out>/s;

/**
 * Reads the results that the suite writes as `junit.xml`.
 * @throws Error it holds no test
 */
export function parseResults(xml: string): Results {
  const outcomes = new Map<string, string[]>();
  const counts = { passed: 0, skipped: 0, failed: 0 };
  for (const [, escapedName = '', status = '', inner = ''] of xml.matchAll(TEST_CASE)) {
    const [, message = ''] = MESSAGE.exec(inner) ?? [];
    const name = unescaped(escapedName);
    counts[status === 'passed' || status === 'skipped' ? status : 'failed'] += 1;
    outcomes.set(name, [...(outcomes.get(name) ?? []), `${status}: ${normalized(unescaped(message))}`].sort());
  }
  if (outcomes.size === 0) throw new Error('the conformance suite wrote no results');
  return { outcomes, counts };
}

/** Compares two runs test by test. @returns what differs, sorted by the names of the tests */
export function differencesOf(before: Results, after: Results): Difference[] {
  const names = new Set([...before.outcomes.keys(), ...after.outcomes.keys()]);
  return [...names].sort().flatMap((test) => {
    const [one = [], other = []] = [before, after].map(({ outcomes }) => outcomes.get(test));
    const difference = { test, before: without(one, other), after: without(other, one) };
    return difference.before.length + difference.after.length > 0 ? [difference] : [];
  });
}

/** Removes from a multiset what another one has. */
function without(outcomes: readonly string[], removed: readonly string[]): string[] {
  const remaining = [...removed];
  return outcomes.filter((outcome) => {
    const at = remaining.indexOf(outcome);
    if (at >= 0) remaining.splice(at, 1);
    return at < 0;
  });
}

/** A message without what is random in it; its lines are sorted, for they too come from maps. */
function normalized(message: string): string {
  const text = RANDOM.reduce((all, [pattern, word]) => all.replaceAll(pattern, word), message);
  return text.split('\n').sort().join('\n');
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Resolves the character references of XML. */
function unescaped(text: string): string {
  return text.replaceAll(/&(?:#x([0-9A-Fa-f]+)|#(\d+)|([a-z]+));/g, (whole, hex, decimal, name) =>
    name ? (NAMED[name] ?? whole) : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  );
}

/** The settings that are compared with each other; durations in ms. */
interface ComparedSettings {
  readonly descriptorTtlMs: number;
  readonly pushExistenceTtlMs: number;
  readonly tagTtlMs: number;
  readonly listTtlMs: number;
  readonly staleIfErrorMs: number;
  readonly memory: { readonly ttlMs: number };
  readonly clientAuth: 'origin' | 'anonymous';
}

const SHORTEN = 'set it to DESCRIPTOR_TTL or less';
const PULL_ONLY = 'has no effect with CLIENT_AUTH=origin, where every caller may push: remove it';

/**
 * Finds settings that are valid by themselves, but have no effect or contradict each other. Defaults are never
 * reported, since they suit whatever else is set.
 * @param isSet whether a variable has a value of its own
 * @returns one sentence for each, which says what would work
 */
export function settingsWithoutEffect(config: ComparedSettings, isSet: (name: string) => boolean): string[] {
  const { descriptorTtlMs, pushExistenceTtlMs, tagTtlMs, listTtlMs, staleIfErrorMs, memory, clientAuth } = config;
  const isOpen = clientAuth === 'anonymous';
  const usableMs = Math.max(descriptorTtlMs, pushExistenceTtlMs) + (isOpen ? staleIfErrorMs : 0);
  const checks: readonly (readonly [name: string, applies: boolean, sentence: string])[] = [
    ['MEMORY_TTL', memory.ttlMs > usableMs, `is longer than entries may be served: ${SHORTEN}`],
    [
      'PUSH_EXISTENCE_TTL',
      !isOpen && pushExistenceTtlMs > descriptorTtlMs,
      `is longer than DESCRIPTOR_TTL, but pushes need fresher answers than pulls: ${SHORTEN}`,
    ],
    ['TAG_TTL', isOpen && tagTtlMs > descriptorTtlMs, `is longer than DESCRIPTOR_TTL, but tags move: ${SHORTEN}`],
    [
      'PUSH_EXISTENCE_TTL',
      isOpen && pushExistenceTtlMs > 0,
      'has no effect with CLIENT_AUTH=anonymous, where nobody may push: remove it',
    ],
    ['TAG_TTL', !isOpen && tagTtlMs > 0, PULL_ONLY],
    ['LIST_TTL', !isOpen && listTtlMs > 0, PULL_ONLY],
    ['STALE_IF_ERROR', !isOpen && staleIfErrorMs > 0, PULL_ONLY],
  ];
  return checks.flatMap(([name, applies, sentence]) => (applies && isSet(name) ? [`${name} ${sentence}`] : []));
}

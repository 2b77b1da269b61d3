/** The settings that are weighed against each other; durations in ms. */
export interface Weighed {
  readonly descriptorTtlMs: number;
  readonly pushExistenceTtlMs: number;
  readonly tagTtlMs: number;
  readonly listTtlMs: number;
  readonly staleIfErrorMs: number;
  readonly memory: { readonly ttlMs: number };
  readonly clientAuth: 'origin' | 'anonymous';
}

const LONGER = 'is longer than DESCRIPTOR_TTL for digests: set it to DESCRIPTOR_TTL or less';
const NOBODY_ONLY_PULLS = 'has no effect with CLIENT_AUTH=origin: nobody only pulls';

/**
 * Settings that are valid each, and do nothing or make no sense together. Only of what somebody set: the defaults go with
 * whatever else is chosen.
 * @param isSet whether a variable has a value of its own
 * @returns a sentence each, which says what would work
 */
export function settingsWithoutEffect(config: Weighed, isSet: (name: string) => boolean): string[] {
  const { descriptorTtlMs, pushExistenceTtlMs, tagTtlMs, listTtlMs, staleIfErrorMs, memory, clientAuth } = config;
  const isOpen = clientAuth === 'anonymous';
  const usableMs = Math.max(descriptorTtlMs, pushExistenceTtlMs) + (isOpen ? staleIfErrorMs : 0);
  const useless: readonly (readonly [name: string, isUseless: boolean, sentence: string])[] = [
    [
      'MEMORY_TTL',
      memory.ttlMs > usableMs,
      'is longer than what it keeps may answer: set it to DESCRIPTOR_TTL or less',
    ],
    ['PUSH_EXISTENCE_TTL', !isOpen && pushExistenceTtlMs > descriptorTtlMs, `for pushes ${LONGER}`],
    ['TAG_TTL', isOpen && tagTtlMs > descriptorTtlMs, `for tags, which move, ${LONGER}`],
    ['PUSH_EXISTENCE_TTL', isOpen && pushExistenceTtlMs > 0, 'has no effect with CLIENT_AUTH=anonymous: nobody pushes'],
    ['TAG_TTL', !isOpen && tagTtlMs > 0, NOBODY_ONLY_PULLS],
    ['LIST_TTL', !isOpen && listTtlMs > 0, NOBODY_ONLY_PULLS],
    ['STALE_IF_ERROR', !isOpen && staleIfErrorMs > 0, NOBODY_ONLY_PULLS],
  ];
  return useless.flatMap(([name, isUseless, sentence]) => (isUseless && isSet(name) ? [`${name} ${sentence}`] : []));
}

import type { Breakage } from '../mutation.ts';

/** What the doctor must not print. */
export const LAW_9_DOCTOR: readonly Breakage[] = [
  {
    wrong: 'the doctor shows the message of an error, which may hold a secret',
    file: 'local/doctor/unreachable.ts',
    text: "code: typeof code === 'string' ? code : ''",
    replacement: 'code: String(first)',
    caughtBy: 'test/local/doctor.test.ts',
  },
];

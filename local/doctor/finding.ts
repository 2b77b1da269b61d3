/** What a check has found out, in plain words. */
export interface Finding {
  /** `problem`: something does not work; `advice`: it works, and could work better; `ok`: nothing has to be done. */
  readonly level: 'ok' | 'advice' | 'problem';
  readonly says: string;
  /** What to change. */
  readonly change?: string | undefined;
}

export function ok(says: string): Finding {
  return { level: 'ok', says };
}

export function advice(says: string, change?: string): Finding {
  return { level: 'advice', says, change };
}

export function problem(says: string, change?: string): Finding {
  return { level: 'problem', says, change };
}

const WIDTH = 'problem'.length;

/** Returns a finding as it is printed. */
export function linesOf({ level, says, change }: Finding): string {
  const line = `${level.padEnd(WIDTH)}  ${says}`;
  return change === undefined ? line : `${line}\n${' '.repeat(WIDTH)}  -> ${change}`;
}

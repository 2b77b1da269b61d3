const BYTES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Writes a count with a separator of thousands. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Writes bytes in the largest unit of which there is at least one. */
export function bytes(value: number): string {
  const at = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), BYTES.length - 1);
  const scaled = value / 1_000 ** at;
  return `${at === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${BYTES[at]}`;
}

/** Writes a duration in seconds. */
export function seconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1_000)} ms`;
  if (value < 120) return `${value.toFixed(1)} s`;
  return value < 7_200 ? `${Math.round(value / 60)} min` : `${(value / 3_600).toFixed(1)} h`;
}

/** Writes a share; `–` of nothing. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** Writes the time of a day in UTC. @param at epoch ms */
export function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** Writes day and time in UTC. @param at epoch ms */
export function dateTime(at: number): string {
  return `${new Date(at).toISOString().slice(5, 10)} ${clockTime(at)}`;
}

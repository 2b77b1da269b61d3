import { type Counts, NOTHING } from '../../src/upstream/warm/counts.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const BAR = 24;
/** How often the line is drawn anew. */
const REDRAW_MS = 100;

/** Writes a size for people. */
export function readableSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** Shows how far the work has come: one line that is drawn anew on a terminal, and a line for each image elsewhere. */
export class Progress {
  readonly #counts: Counts = { ...NOTHING };
  readonly #errors: string[] = [];
  readonly #total: number;
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #done = 0;
  #drawnAt = 0;

  constructor(total: number, out: NodeJS.WriteStream = process.stderr) {
    this.#total = total;
    this.#out = out;
  }

  add({ manifests, blobs, bytes, known, stored }: Counts): void {
    this.#counts.manifests += manifests;
    this.#counts.blobs += blobs;
    this.#counts.bytes += bytes;
    this.#counts.known += known;
    this.#counts.stored += stored;
    this.#draw(false);
  }

  /** Counts an image as done. @param error what went wrong with it */
  finish(image: string, error?: string): void {
    this.#done += 1;
    if (error !== undefined) this.#errors.push(`${image}: ${error}`);
    if (!this.#out.isTTY) this.#out.write(`${error === undefined ? 'warm  ' : 'failed'} ${image}\n`);
    this.#draw(true);
  }

  /** Ends the line. @returns what to print at the end: the sums, and the errors by image */
  end(): { readonly summary: string; readonly errors: readonly string[] } {
    if (this.#out.isTTY) this.#out.write('\n');
    return { summary: this.#line(), errors: this.#errors };
  }

  #draw(isDue: boolean): void {
    const now = performance.now();
    if (!this.#out.isTTY || (!isDue && now - this.#drawnAt < REDRAW_MS)) return;
    this.#drawnAt = now;
    const filled = Math.round((this.#done / Math.max(1, this.#total)) * BAR);
    this.#out.write(`\r\x1b[K[${'#'.repeat(filled)}${' '.repeat(BAR - filled)}] ${this.#line()}`);
  }

  #line(): string {
    const { manifests, blobs, bytes, known, stored } = this.#counts;
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const rate = `${Math.round((manifests + blobs) / Math.max(seconds, 0.001))} a second`;
    const failed = this.#errors.length > 0 ? ` (${this.#errors.length} failed)` : '';
    const images = `${this.#done} of ${this.#total} images${failed}`;
    return `${images}, ${manifests} manifests, ${blobs} blobs (${known} known, ${stored} stored), ${readableSize(bytes)}, ${rate}`;
  }
}

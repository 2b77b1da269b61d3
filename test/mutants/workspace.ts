import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Breakage, mutate } from './mutation.ts';
import { TestRunner } from './testRunner.ts';

/** What no test needs, or what is linked instead. */
const LEFT_OUT = new Set(['node_modules', '.git', '.wrangler', 'coverage', 'dist']);

/** A copy of the project, in which mutations are applied, so that the working tree is never touched. */
export class Workspace {
  readonly #folder = mkdtempSync(join(tmpdir(), 'registry-edge-mutants-'));
  readonly runner = new TestRunner(this.#folder);

  constructor() {
    cpSync('.', this.#folder, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
    symlinkSync(realpathSync('node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Runs work while a mutation is applied. @throws Error the mutation does not apply */
  async withMutation<T>(breakage: Breakage, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, breakage.file);
    const original = readFileSync(path, 'utf8');
    writeFileSync(path, mutate(original, breakage));
    try {
      return await work();
    } finally {
      writeFileSync(path, original);
    }
  }

  remove(): void {
    this.runner.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

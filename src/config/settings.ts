import type { Form } from './forms.ts';

/** The Worker's variables, secrets and bindings. */
export type Environment = Readonly<Record<string, unknown>>;

/** Reads variables one by one, and collects what is bad about all of them. */
export interface Settings {
  /** Reads a variable. @returns `undefined` if it is bad, which is reported */
  read<T>(name: string, form: Form<T>): T | undefined;
  /** Reads a binding. @param expected what should be bound; reported if nothing is */
  binding<T>(name: string, expected: string): T | undefined;
  report(problem: string): void;
  /** What was reported, in that order. Each names a variable and what it should look like, never its value. */
  readonly problems: readonly string[];
}

/** @param defaults the values of variables that are not set, where they are not those of their forms */
export function createSettings(env: Environment, defaults: Readonly<Record<string, string>> = {}): Settings {
  const problems: string[] = [];
  return {
    problems,
    report: (problem) => void problems.push(problem),
    read(name, form) {
      const reading = form(isSet(env, name) ? env[name] : defaults[name]);
      if ('value' in reading) return reading.value;
      problems.push(`${name}: ${reading.problem}`);
      return undefined;
    },
    binding<T>(name: string, expected: string) {
      if (!env[name]) problems.push(`${name}: expected ${expected} that is bound under this name`);
      return env[name] as T | undefined;
    },
  };
}

/** Whether a variable has a value; an empty one has none. */
export function isSet(env: Environment, name: string): boolean {
  return String(env[name] ?? '').trim() !== '';
}

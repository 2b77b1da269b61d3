import type { Form } from './forms.ts';

/** The Worker's variables, secrets and bindings. */
export type Environment = Readonly<Record<string, unknown>>;

/** Reads variables one by one, and collects what is bad about all of them. */
export interface Settings {
  /** Reads a variable. @returns `undefined` if it is bad, which is reported */
  read<T>(name: string, form: Form<T>): T | undefined;
  /** Reads a binding. @param expected what should be bound; reported if nothing is */
  binding<T>(name: string, expected: string): T | undefined;
  /** Reports what is bad: the name of a variable and what it should look like, never its value. */
  report(problem: string): void;
}

interface SettingsOptions {
  /** Receives what is bad. */
  readonly problems: string[];
  /** Precedes the names of variables in what is reported. */
  readonly label?: string;
  /** The values of variables that are not set, where they are not those of their forms. */
  readonly defaults?: Environment;
}

export function createSettings(env: Environment, options: SettingsOptions): Settings {
  const { problems, label = '', defaults = {} } = options;
  return {
    report: (problem) => void problems.push(label + problem),
    read(name, form) {
      const reading = form(isSet(env, name) ? env[name] : defaults[name]);
      if ('value' in reading) return reading.value;
      problems.push(`${label}${name}: ${reading.problem}`);
      return undefined;
    },
    binding<T>(name: string, expected: string) {
      if (!env[name]) problems.push(`${label}${name}: expected ${expected} that is bound under this name`);
      return env[name] as T | undefined;
    },
  };
}

/** Whether a variable has a value; an empty one has none. A list or an object is one, if hardly a good one. */
export function isSet(env: Environment, name: string): boolean {
  const value = env[name];
  return typeof value === 'object' ? value !== null : String(value ?? '').trim() !== '';
}

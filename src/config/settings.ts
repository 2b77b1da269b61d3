import type { Form } from './forms.ts';

/** The Worker's variables, secrets and bindings. */
export type Environment = Readonly<Record<string, unknown>>;

/** Reads variables one by one, and collects what is bad about all of them. */
export interface Settings {
  /** Reads a variable. @returns `undefined` if it is bad, which is reported */
  read<T>(name: string, form: Form<T>): T | undefined;
  /** Reads a binding. @param expected what should be bound; reported if nothing is */
  binding<T>(name: string, expected: string): T | undefined;
  /** Returns a binding that need not be there. */
  optionalBinding<T>(name: string): T | undefined;
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
  /** The environment that has what is in neither; what is bad there is reported once, without the label. */
  readonly inherited?: Environment;
}

export function createSettings(env: Environment, options: SettingsOptions): Settings {
  const { problems, label: ownLabel = '', defaults = {}, inherited = {} } = options;

  function find(name: string): { readonly value: unknown; readonly label: string } {
    if (isSet(env, name)) return { value: env[name], label: ownLabel };
    if (name in defaults || !isSet(inherited, name)) return { value: defaults[name], label: ownLabel };
    return { value: inherited[name], label: '' };
  }

  return {
    report: (problem) => void problems.push(ownLabel + problem),
    read(name, form) {
      const { value, label } = find(name);
      const reading = form(value);
      if ('value' in reading) return reading.value;
      problems.push(`${label}${name}: ${reading.problem}`);
      return undefined;
    },
    binding<T>(name: string, expected: string) {
      if (!env[name]) problems.push(`${ownLabel}${name}: expected ${expected} that is bound under this name`);
      return env[name] as T | undefined;
    },
    optionalBinding: <T>(name: string) => (env[name] || undefined) as T | undefined,
  };
}

/** Whether a variable has a value; an empty one has none. A list or an object is one, if hardly a good one. */
export function isSet(env: Environment, name: string): boolean {
  const value = env[name];
  return typeof value === 'object' ? value !== null : String(value ?? '').trim() !== '';
}

import type { Form } from './forms.ts';

/** Reads an object, as wrangler makes one of a table, or its JSON. @returns `undefined` if it is none */
export function parseObject(value: unknown): Record<string, unknown> | undefined {
  const object = typeof value === 'string' ? parseJson(value) : value;
  return isObject(object) ? object : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object of named entries, or its JSON; unset is an empty one. @param expected the message, which says the maximum */
export function entries(max: number, expected: string): Form<readonly (readonly [name: string, given: unknown])[]> {
  return (raw = '') => {
    const object = typeof raw === 'string' && raw.trim() === '' ? {} : parseObject(raw);
    const list = object && Object.entries(object);
    return list && list.length <= max ? { value: list } : { problem: expected };
  };
}

const ENTRY_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** What is reported of an entry whose name is none. */
export const BAD_NAME = ': expected a name of at most 64 letters, digits, dots, - and _';

export function isEntryName(name: string): boolean {
  return ENTRY_NAME.test(name);
}

/** Returns a name as problems show it: one that is none may be anything, so it is quoted. */
export function shownName(name: string): string {
  return isEntryName(name) ? name : JSON.stringify(name.slice(0, 64));
}

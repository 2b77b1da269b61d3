import type { RecordingServer } from './hubs/recording.ts';

/** Something that only some hosts may get to know. */
export interface Secret {
  readonly what: string;
  /** Each text that is or holds it, such as a token that was renewed, and the one before. */
  readonly texts: readonly string[];
  /** The hosts, by their names, to which it belongs; each of them has to get it. */
  readonly of: readonly string[];
}

/**
 * Returns in which forms a secret text may occur: as it is, in a URL, in Base64 at whatever place within a longer text,
 * and in hexadecimal.
 */
function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  // A byte before it moves it by 8 bits, while a character stands for 6. The first and the last one hold others' bits.
  const base64 = [0, 1, 2].flatMap((before) => {
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)];
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    return (['base64', 'base64url'] as const).map((form) => whole.toString(form).slice(from, to));
  });
  return [text, encodeURIComponent(text), bytes.toString('hex'), ...base64];
}

/** Returns which of the secrets occur in a text. */
export function secretsIn(text: string, secrets: readonly Secret[]): string[] {
  const holds = (secret: string) => formsOf(secret).some((form) => text.includes(form));
  return secrets.filter(({ texts }) => texts.some(holds)).map(({ what }) => what);
}

/** Returns what each host got to know, by the host's name: of each secret once. */
export function knownTo(
  hosts: Readonly<Record<string, Pick<RecordingServer, 'received'>>>,
  secrets: readonly Secret[],
): Record<string, string[]> {
  const known = Object.entries(hosts).map(([name, { received }]) => [
    name,
    secretsIn(JSON.stringify(received), secrets),
  ]);
  return Object.fromEntries(known);
}

/** Returns what each host should get to know: what belongs to it, and nothing else. */
export function belongingTo(
  hosts: Readonly<Record<string, unknown>>,
  secrets: readonly Secret[],
): Record<string, string[]> {
  const own = (name: string) => secrets.filter((secret) => secret.of.includes(name)).map(({ what }) => what);
  return Object.fromEntries(Object.keys(hosts).map((name) => [name, own(name)]));
}

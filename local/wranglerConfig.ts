import type { Unstable_Config } from 'wrangler';

/** What a wrangler.toml says that concerns the edge itself. */
export interface WranglerConfig {
  /** Its variables as texts; an object is its JSON. */
  readonly variables: Readonly<Record<string, string>>;
  /** The names under which stores are bound. */
  readonly bindings: readonly string[];
  /** The secrets that a deploy requires. */
  readonly secrets: readonly string[];
  /** All of it, as wrangler understands it. */
  readonly wrangler: Unstable_Config;
}

/** wrangler reads any other file as an empty one. */
const FORMAT = /\.(?:toml|jsonc?)$/;

/**
 * Reads a wrangler.toml as wrangler does for a deploy.
 * @throws Error it does not exist, or wrangler refuses it
 */
export async function readWranglerConfig(file: string): Promise<WranglerConfig> {
  // It takes more than a second to load, which only those wait for who name a file.
  const { unstable_readConfig: readConfig } = await import('wrangler');
  if (!FORMAT.test(file)) throw new Error(`${file}: expected the name of a file that ends with .toml, .json or .jsonc`);
  let wrangler: Unstable_Config;
  try {
    wrangler = readConfig({ config: file }, { hideWarnings: true });
  } catch (error) {
    throw withPlace(error);
  }
  const variables = Object.entries(wrangler.vars).map(([name, value]) => [name, textOf(value)] as const);
  const stores = [...wrangler.kv_namespaces, ...wrangler.r2_buckets].map(({ binding }) => binding);
  return {
    variables: Object.fromEntries(variables),
    bindings: [...wrangler.durable_objects.bindings.map((object: { name: string }) => object.name), ...stores],
    secrets: wrangler.secrets?.required ?? [],
    wrangler,
  };
}

/** Says where in its file a text is that wrangler cannot read; its own message does not. */
function withPlace(error: unknown): unknown {
  const { message, location } = error as { message?: string; location?: { file?: string; line: number } };
  return location ? new Error(`${location.file}, line ${location.line}: ${message}`, { cause: error }) : error;
}

/** Returns a variable as a process has it. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns what precedes the variables of an upstream; nothing for the default one. */
export function labelOf({ alias }: { readonly alias: string }): string {
  return alias === '' ? '' : `UPSTREAMS.${alias}: `;
}

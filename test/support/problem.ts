/** Returns the message with which the configuration is refused; empty: it is not. */
export function problemIn(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

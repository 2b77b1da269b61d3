/** A law of `design.md` was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';

  /** @param law its number, and what it says @param question what was asked, as data */
  constructor(law: string, question: object) {
    super(`law ${law}: ${JSON.stringify(question)}`);
  }
}

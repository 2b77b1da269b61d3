import { globSync, readFileSync } from 'node:fs';

/** `npm run check`: every source file has its line in docs/architecture.md, so that no file is without a room. */
function main(): void {
  const page = readFileSync('docs/architecture.md', 'utf8');
  const files = globSync(['src/**/*.ts', 'local/**/*.ts']).sort();
  const missing = files.filter((file) => !page.includes(`(../${file})`));
  for (const file of missing) console.error(`${file}: add a line that says what it does to docs/architecture.md`);
  if (missing.length > 0) process.exitCode = 1;
}

main();

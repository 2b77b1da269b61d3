import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * `npm run check`: every relative link in the repository's Markdown leads to a file, and every `#anchor` to a heading;
 * and every page can be reached from the README in two clicks. Links to other sites are not followed: their failures
 * would be somebody else's.
 *
 *     node test/ci/links.ts [FOLDER]
 */
function main(): void {
  const root = resolve(process.argv[2] ?? '.');
  const files = markdownIn(root);
  const broken = [...files.flatMap((file) => brokenLinks(root, file)), ...farPages(root, files)];
  for (const line of broken) console.error(line);
  if (broken.length > 0) process.exitCode = 1;
  else console.log(`Checked the links of ${files.length} Markdown files.`);
}

/** Folders that hold nothing of this repository's own. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage']);

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile()) return entry.name.endsWith('.md') ? [path] : [];
    const isHidden = entry.name.startsWith('.') && entry.name !== '.github';
    return entry.isDirectory() && !isHidden && !FOREIGN.has(entry.name) ? markdownIn(path) : [];
  });
}

/** Describes each broken link of a file as `file:line: problem: link`. */
function brokenLinks(root: string, file: string): string[] {
  return linesOf(file).flatMap((line, at) =>
    linksIn(line).flatMap((link) => {
      const problem = problemWith(root, file, link);
      return problem ? [`${relative(root, file)}:${at + 1}: ${problem}: ${link}`] : [];
    }),
  );
}

const MAX_CLICKS = 2;

/** Describes each page that is farther from the README, without the forms of `.github`. */
function farPages(root: string, files: readonly string[]): string[] {
  const readme = join(root, 'README.md');
  if (!files.includes(readme)) return [];
  let reached = [readme];
  for (let click = 0; click < MAX_CLICKS; click++)
    reached = [...new Set(reached.flatMap((page) => [page, ...pagesFrom(page)]))];
  const far = files.filter((file) => !reached.includes(file) && !file.startsWith(join(root, '.github')));
  return far.map(
    (file) => `${relative(root, file)}: cannot be reached from README.md in ${MAX_CLICKS} clicks: link it`,
  );
}

/** The pages to which the links of a page lead. */
function pagesFrom(page: string): string[] {
  if (!page.endsWith('.md') || !existsSync(page)) return [];
  return linesOf(page)
    .flatMap(linksIn)
    .map((link) => join(dirname(page), link.split('#')[0] ?? ''));
}

/** The lines of a file, those of fenced code blocks empty. */
function linesOf(file: string): string[] {
  let fence: string | undefined;
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => {
      const [, marker] = /^\s*(`{3,}|~{3,})/.exec(line) ?? [];
      const isInside = fence !== undefined || marker !== undefined;
      if (fence === undefined) fence = marker;
      else if (marker?.startsWith(fence)) fence = undefined;
      return isInside ? '' : line;
    });
}

/** The targets of `[text](target)`, of images, and of definitions such as `[name]: target`; none from inline code. */
function linksIn(line: string): string[] {
  const text = line.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, 'code');
  const inline = [...text.matchAll(/\]\(\s*<?([^\s<>()]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const defined = [...text.matchAll(/^\s{0,3}\[[^\]]+\]:\s+<?([^\s<>]+)>?/g)];
  return [...inline, ...defined].flatMap(([, target]) => target ?? []);
}

/** Says what is wrong with a link; `undefined` if nothing is. */
function problemWith(root: string, file: string, link: string): string | undefined {
  if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const base = path.startsWith('/') ? root : dirname(file);
  const target = path === '' ? file : join(base, decodeURIComponent(path));
  if (relative(root, target).startsWith('..')) return 'outside of the repository';
  if (!existsSync(target)) return 'no such file';
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md') || statSync(target).isDirectory()) return 'only Markdown files have anchors';
  return anchorsOf(target).has(anchor) ? undefined : 'no such heading';
}

const anchors = new Map<string, ReadonlySet<string>>();

function anchorsOf(file: string): ReadonlySet<string> {
  const known = anchors.get(file) ?? headingAnchors(linesOf(file));
  anchors.set(file, known);
  return known;
}

/** The anchors that GitHub gives to headings: a heading that occurs again gets a number. */
function headingAnchors(lines: readonly string[]): Set<string> {
  const found = new Set<string>();
  const counts = new Map<string, number>();
  for (const line of lines) {
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*\s*$/.exec(line) ?? [];
    if (heading === undefined) continue;
    const anchor = anchorOf(heading);
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    found.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return found;
}

function anchorOf(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '').replaceAll(' ', '-');
}

main();

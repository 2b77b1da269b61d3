import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'links-'));
});
afterEach(async () => rm(folder, { recursive: true }));

describe('the check of links in Markdown', () => {
  it('accepts links to files, folders, headings and other sites', async () => {
    await write(
      'README.md',
      '[a](docs/a.md) [b](docs/a.md#two-words) [c](#top) [d](docs) [e](https://example.com/#x)\n\n# Top',
    );
    await write('docs/a.md', '# Two `words`\n\n[up](../README.md#top "a title")');

    expect(await checkLinks()).toEqual({ code: 0, problems: [] });
  });

  it('names file, line and link where the file does not exist', async () => {
    await write('docs/a.md', 'first\n[gone](gone.md) and ![image](gone.png)\n\n[name]: gone.txt');

    const { code, problems } = await checkLinks();

    expect(code).toBe(1);
    expect(problems).toEqual([
      'docs/a.md:2: no such file: gone.md',
      'docs/a.md:2: no such file: gone.png',
      'docs/a.md:4: no such file: gone.txt',
    ]);
  });

  it('refuses an anchor that no heading has', async () => {
    await write('a.md', '# Here\n[there](#there) [again](#here-1)\n# Here');

    expect((await checkLinks()).problems).toEqual(['a.md:2: no such heading: #there']);
  });

  it('refuses a link that leaves the repository', async () => {
    await write('a.md', '[out](../../etc/hosts)');

    expect((await checkLinks()).problems).toEqual(['a.md:1: outside of the repository: ../../etc/hosts']);
  });

  it('names a page that cannot be reached from the README in two clicks', async () => {
    await write('README.md', '[one](docs/one.md)');
    await write('docs/one.md', '[two](two.md#two)');
    await write('docs/two.md', '# Two\n[three](three.md)');
    await write('docs/three.md', '[up](../README.md)');
    await write('.github/form.md', '');

    const far = 'docs/three.md: cannot be reached from README.md in 2 clicks: link it';
    expect(await checkLinks()).toEqual({ code: 1, problems: [far] });
  });

  it('ignores code', async () => {
    await write('a.md', '`[a](gone.md)`\n\n```md\n[b](gone.md)\n# Not a heading\n```\n');

    expect(await checkLinks()).toEqual({ code: 0, problems: [] });
  });

  it('ignores installed packages and hidden folders, except .github', async () => {
    await write('node_modules/x/README.md', '[a](gone.md)');
    await write('.cache/a.md', '[a](gone.md)');
    await write('.github/a.md', '[a](gone.md)');

    expect((await checkLinks()).problems).toEqual(['.github/a.md:1: no such file: gone.md']);
  });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

function checkLinks(): Promise<{ code: number; problems: string[] }> {
  return new Promise((resolve) => {
    execFile('node', ['test/ci/links.ts', folder], (error, _stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), problems: stderr.split('\n').filter((line) => line !== '') });
    });
  });
}

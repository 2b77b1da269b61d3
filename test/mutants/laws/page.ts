import type { Breakage } from '../mutation.ts';

const caughtBy = 'test/routes/admin/page.test.ts';

/** Who sees the page, and what its login opens. */
export const PAGE: readonly Breakage[] = [
  {
    wrong: 'a stranger sees the page',
    file: 'src/routes/admin/page.ts',
    text: 'if (!session) {',
    replacement: "if (ctx.method === 'HEAD') {",
    caughtBy,
  },
  {
    wrong: 'the cookie of the page alone opens the paths for operators',
    file: 'src/routes/admin/session.ts',
    text: 'return session !== undefined && sent[COOKIE] === session.text;',
    replacement: 'return session !== undefined;',
    caughtBy,
  },
  {
    wrong: 'another site may send what the page sends',
    file: 'src/routes/admin/session.ts',
    text: 'if (given === null || !isSameOrigin(ctx.request)) return false;',
    replacement: 'if (given === null) return false;',
    caughtBy,
  },
  {
    wrong: 'a login never ends',
    file: 'src/routes/admin/session.ts',
    text: 'return endsAt > ctx.now() ? { text, endsAt } : undefined;',
    replacement: 'return endsAt > 0 ? { text, endsAt } : undefined;',
    caughtBy,
  },
  {
    wrong: 'wrong tokens at the login are not counted',
    file: 'src/routes/admin/routes.ts',
    text: 'isWrong = response.status === 401;',
    replacement: '',
    caughtBy,
  },
  {
    wrong: 'tokens are guessed by signing sessions with them, which nobody counts',
    file: 'src/routes/admin/page.ts',
    text: '(await hasForgedSession(ctx, token)) ? 401 : 200',
    replacement: '200',
    caughtBy: 'test/routes/admin/guessing.test.ts',
  },
];

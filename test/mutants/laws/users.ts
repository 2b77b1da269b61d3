import type { Breakage } from '../mutation.ts';

/** Law 1, where the edge knows callers by itself. */
export const LAW_1_USERS: readonly Breakage[] = [
  {
    wrong: 'an unknown user is let in by the secret of another one',
    file: 'src/access/users.ts',
    text: '(await isSecret(secret, password)) && user?.secret ? user : undefined;',
    replacement: '(await isSecret(secret, password)) ? (user ?? settings[0]) : undefined;',
    caughtBy: 'test/access/users.test.ts',
  },
  {
    wrong: 'a user pulls from every repository',
    file: 'src/routes/registry/gate.ts',
    text: "return need === 'catalog' ? user.catalog : 'name' in route && user[need].matches(route.name);",
    replacement:
      "return need === 'catalog' ? user.catalog : need === 'pull' || ('name' in route && user[need].matches(route.name));",
    caughtBy: 'test/access/users.test.ts',
  },
  {
    wrong: 'users are let in to what tells of all repositories',
    file: 'src/routes/registry/gate.ts',
    text: "need === 'catalog' ? user.catalog :",
    replacement: "need === 'catalog' ? true :",
    caughtBy: 'test/access/users.test.ts',
  },
  {
    wrong: 'secrets may be tried without end',
    file: 'src/access/users.ts',
    text: 'const user = isRefused ? undefined : await verify(name, password);',
    replacement: 'const user = isRefused && !name ? undefined : await verify(name, password);',
    caughtBy: 'test/access/users.test.ts',
  },
  {
    wrong: 'a wrong login is let in as somebody who does not log in',
    file: 'src/access/users.ts',
    text: 'if (name === undefined || password === undefined) return undefined;',
    replacement: "if (name === undefined || password === undefined) return byName.get('anonymous') ?? settings[0];",
    caughtBy: 'test/access/users.test.ts',
  },
  {
    wrong: 'any number of secrets may be tried at the same time',
    file: 'src/access/failedLogins.ts',
    text: 'for (const counter of [ofAddress, ofName]) counter.count += 1;',
    replacement:
      'void Promise.resolve().then(() => setTimeout(() => { ofAddress.count += 1; ofName.count += 1; }, 1));',
    caughtBy: 'test/access/users.test.ts',
  },
];

import type { Breakage } from '../mutation.ts';

/** Law 1, where the edge knows callers by itself. */
export const LAW_1_USERS: readonly Breakage[] = [
  {
    wrong: 'an unknown user is let in by the secret of another one',
    file: 'src/access/secrets.ts',
    text: '(await isSecret(secret, password)) && user?.secret ? user : undefined;',
    replacement: '(await isSecret(secret, password)) ? (user ?? users[0]) : undefined;',
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
    text: 'const login = isRefused ? undefined : await verify(ctx, name, password);',
    replacement: 'const login = isRefused && !name ? undefined : await verify(ctx, name, password);',
    caughtBy: 'test/access/users.test.ts',
  },
  {
    wrong: 'a wrong login is let in as somebody who does not log in',
    file: 'src/access/users.ts',
    text: 'if (name === undefined || password === undefined) return undefined;',
    replacement: "if (name === undefined || password === undefined) return secrets.named('anonymous') ?? users[0];",
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
  {
    wrong: 'an upload is of everybody who may push',
    file: 'src/access/uploadOwners.ts',
    text: 'const text = JSON.stringify([name, path,',
    replacement: "const text = JSON.stringify([name && '', path,",
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'the mark of one upload is good for another one',
    file: 'src/access/uploadOwners.ts',
    text: 'const text = JSON.stringify([name, path,',
    replacement: "const text = JSON.stringify([name, path && '',",
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'an address without a mark is an upload of everybody',
    file: 'src/access/uploadOwners.ts',
    text: 'if (others.length > 0 || !(await timingSafeEqual(mark, await markOf(user, route)))) {',
    replacement:
      "if (others.length > 0 || (mark !== '' && !(await timingSafeEqual(mark, await markOf(user, route))))) {",
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'a blob is mounted from where the user may not pull',
    file: 'src/routes/registry/gate.ts',
    text: 'withoutForeignMount(route, user.pull)',
    replacement: 'route',
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'a mount hides behind a semicolon',
    file: 'src/routes/registry/mounts.ts',
    text: "search: known.size > 0 ? `?${known}` : '' };",
    replacement: "search: known.size === query.size ? route.search : known.size > 0 ? `?${known}` : '' };",
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'a user who may pull may delete',
    file: 'src/routes/registry/needs.ts',
    text: "return isRead ? 'pull' : method === 'DELETE' ? 'delete' : undefined;",
    replacement: "return isRead ? 'pull' : method === 'DELETE' ? 'pull' : undefined;",
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'the catalog names what the user may not pull',
    file: 'src/routes/registry/catalog.ts',
    text: 'return (name) => pull?.matches(name) === true &&',
    replacement: 'return (name) => pull !== undefined &&',
    caughtBy: 'test/routes/registry/catalog.test.ts',
  },
  {
    wrong: 'a page of the catalog goes on behind a name that is not shown',
    file: 'src/routes/registry/catalog.ts',
    text: 'const link = hasMore && `<${route.path}${searchOf(query.get(\'n\'), last)}>; rel="next"`;',
    replacement: 'const link = search !== undefined && `<${route.path}${search}>; rel="next"`;',
    caughtBy: 'test/routes/registry/catalog.test.ts',
  },
  {
    wrong: 'who may push is answered from a cached tag',
    file: 'src/access/userAuthorizer.ts',
    text: 'mayPush: user.push.matches(name) || user.delete.matches(name)',
    replacement: 'mayPush: user.delete.matches(name)',
    caughtBy: 'test/routes/registry/userRights.test.ts',
  },
  {
    wrong: 'a body is sent before it is known what the origin demands',
    file: 'src/origin/handshake.ts',
    text: 'if (bodies && !isRepeatable(request)) return bodies.send(ctx, scope, request, exchangeOnce);',
    replacement: '',
    caughtBy: 'test/origin/accountWrites.test.ts',
  },
  {
    wrong: 'the token of a pull is sent with a push',
    file: 'src/origin/scope.ts',
    text: 'const text = `repository:${name}:pull,push`;',
    replacement: 'const text = `repository:${name}:pull`;',
    caughtBy: 'test/origin/accountWrites.test.ts',
  },
];

/** A cell of the table in docs/clients.md, as the tests keep it. */
export interface Row {
  readonly access: string;
  readonly client: string;
  readonly journey: string;
  readonly direct: number;
  readonly forwarded: number;
  readonly own: number;
  readonly hits: number;
}

/** Writes a table for each way of access: a line for each client, a column for each journey, in their order. */
export function tablesOf(rows: readonly Row[]): string {
  const [clients, journeys] = [namesOf(rows, 'client'), namesOf(rows, 'journey')];
  const tables = namesOf(rows, 'access').map((access) => {
    const lines = clients.map((client) => [client, ...journeys.map((journey) => textOf({ access, client, journey }))]);
    return `### ${access}\n\n${alignedTable([['', ...journeys], ...lines])}`;
  });
  return tables.join('\n');

  function textOf({ access, client, journey }: Pick<Row, 'access' | 'client' | 'journey'>): string {
    const row = rows.find((each) => each.access === access && each.client === client && each.journey === journey);
    if (!row) return '';
    const { direct, forwarded, own, hits } = row;
    return `${direct} / ${forwarded}${own > 0 ? `+${own}` : ''} / ${hits}`;
  }
}

function namesOf(rows: readonly Row[], field: 'access' | 'client' | 'journey'): string[] {
  return [...new Set(rows.map((row) => row[field]))];
}

/** Writes Markdown in which the columns are of one width. @param lines the first one is the head */
function alignedTable(lines: readonly (readonly string[])[]): string {
  const [head = [], ...body] = lines;
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)));
  const lineOf = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  return [head, widths.map((width) => '-'.repeat(width)), ...body].map(lineOf).join('');
}

/** Rows under a head, each column as wide as its widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, nth) =>
    Math.max(...[head, ...rows].map((cells) => cells[nth]?.length ?? 0)),
  );
  return [head, ...rows]
    .map((cells) => cells.map((cell, nth) => cell.padEnd(widths[nth] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Waits until something holds; fails after some seconds. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = Date.now(); ;) {
    if (await holds()) return;
    if (Date.now() - start > 10_000) throw new Error(`never: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

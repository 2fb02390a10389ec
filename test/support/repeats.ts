/** `CI=true` asks for every repetition; otherwise tests take no longer than a newcomer waits. */
const isThorough = process.env.CI === 'true';

/** How often a test repeats itself: `all` under CI, `few` on a developer's machine. */
export const repeats = ({ few, all }: { readonly few: number; readonly all: number }): number =>
  isThorough ? all : few;

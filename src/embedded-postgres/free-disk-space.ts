import { statfs } from 'node:fs/promises';

/** How much of the disk is free, as last seen. */
export interface DiskSpace {
  /** Undefined when the system does not say. */
  readonly freeBytes: number | undefined;
  readonly warnBelowBytes: number;
  readonly isLow: boolean;
}

/** What to watch, and who is notified of a change. */
export interface DiskSpaceOptions {
  readonly folder: string;
  readonly warnBelowBytes: number;
  readonly checkMs: number;
  /** Called once when less is free than `warnBelowBytes`, and once when enough is free again. */
  readonly onChange: (space: DiskSpace) => void;
  /** Bytes that are free where a folder is; what it throws counts as not known. */
  readonly freeBytesOf?: (folder: string) => Promise<number>;
}

/**
 * Watches how much is free on the disk that the database of the service's own is on: a full disk
 * ends it, and the service with it.
 */
export class FreeDiskSpace {
  #space: DiskSpace;
  #checks: NodeJS.Timeout | undefined;

  private constructor(private readonly options: DiskSpaceOptions) {
    const { warnBelowBytes } = options;
    this.#space = { freeBytes: undefined, warnBelowBytes, isLow: false };
  }

  /** Checks once, then again every `checkMs`. */
  static async watch(options: DiskSpaceOptions): Promise<FreeDiskSpace> {
    const watched = new FreeDiskSpace(options);
    await watched.check();
    let isChecking = false;
    const check = async (): Promise<void> => {
      // A disk that hangs answers late, and an old answer must not come after a new one.
      if (isChecking) return;
      isChecking = true;
      await watched.check();
      isChecking = false;
    };
    watched.#checks = setInterval(() => void check(), options.checkMs).unref();
    return watched;
  }

  get space(): DiskSpace {
    return this.#space;
  }

  /** Looks how much is free now. Never throws. */
  async check(): Promise<void> {
    const { folder, warnBelowBytes, onChange, freeBytesOf = availableBytes } = this.options;
    const freeBytes = await freeBytesOf(folder).catch(() => undefined);
    const { isLow: wasLow } = this.#space;
    // What is not known is no reason to take back a warning.
    const isLow = freeBytes === undefined ? wasLow : freeBytes < warnBelowBytes;
    this.#space = { freeBytes, warnBelowBytes, isLow };
    if (isLow !== wasLow) onChange(this.#space);
  }

  stop(): void {
    clearInterval(this.#checks);
  }
}

/** What a user other than root may still write. */
async function availableBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

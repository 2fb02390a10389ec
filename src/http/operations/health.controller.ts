import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { DataSource } from 'typeorm';
import type { Config } from '../../config.ts';
import type { FreeDiskSpace } from '../../embedded-postgres/index.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import type { Projector } from '../../projecting/projector.ts';
import { CONFIG, DATABASE, DISK, EVENT_LOG, PROJECTOR, TAIL } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { RequiresScope } from '../requires-scope.ts';

/** Whether the process runs, and whether it can do its work; for those who operate it. */
@Controller('health')
@RequiresScope('nothing')
export class HealthController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(TAIL) private readonly tail: Tail,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(DISK) private readonly disk: FreeDiskSpace | undefined,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {}

  @Get('live')
  @Documented({ summary: 'Whether the process runs' })
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  /**
   * 200 when log and read models answer and the log is followed, else 503. How far read models lag,
   * which of them have parked sessions and that the disk is nearly full is in the answer alone.
   */
  @Get('ready')
  @Documented({ summary: 'Whether it can do its work, and how far read models lag behind' })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const [head, database] = await Promise.all([
      this.#answers(this.log.head()),
      this.#answers<unknown>(this.database.query('select 1')),
    ]);
    const following =
      this.tail.through >= (head ?? '') ||
      Date.now() - this.tail.lastReadAt < this.config.limits.followerTimeoutMs;
    const projections = this.projector.status();
    const isReady = head !== undefined && database !== undefined && following;
    await reply.status(isReady ? 200 : 503).send({
      status: isReady ? 'ready' : 'unavailable',
      log: {
        answers: head !== undefined,
        epoch: this.log.epoch,
        head: head ?? null,
        followedTo: this.tail.through,
        caughtUp: this.tail.caughtUp,
        following,
        deletedStreams: [...(this.log.deletedStreams ?? [])],
      },
      database: { answers: database !== undefined },
      disk: this.#disk(),
      parked: projections.flatMap(({ name, parked }) =>
        parked > 0 ? [{ projection: name, sessions: parked }] : [],
      ),
      projections,
    });
  }

  /** A warning alone: the service works until the disk is full. */
  #disk(): { freeBytes: number | null; warnBelowBytes: number; low: boolean } | null {
    if (!this.disk) return null;
    const { freeBytes, warnBelowBytes, isLow } = this.disk.space;
    return { freeBytes: freeBytes ?? null, warnBelowBytes, low: isLow };
  }

  async #answers<T>(question: Promise<T>): Promise<T | undefined> {
    const late = sleep(this.config.limits.healthDeadlineMs, undefined, { ref: false });
    return Promise.race([question.catch(() => undefined), late]);
  }
}

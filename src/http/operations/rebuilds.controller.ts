import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import {
  readModelsListed,
  readModelStatus,
  rebuildRequest,
  rowComparison,
  swapped,
  swapRequest,
  type ReadModelStatus,
  type RowComparison,
  type Swapped,
} from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Config } from '../../config.ts';
import { CannotSwap } from '../../projecting/rebuild/cannot-swap.ts';
import type { Rebuilds, RebuildProgress } from '../../projecting/rebuild/rebuilds.ts';
import { CONFIG, REBUILDS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { readBody } from '../json-body.ts';
import { Problem } from '../problem.ts';
import { RequiresScope } from '../requires-scope.ts';
import { OpenStreams } from '../sse/open-streams.ts';
import { namedEvent, retryAfter } from '../sse/sse-format.ts';

/** Rebuilds of read models, for admins. */
@Controller('api/projections')
@RequiresScope('admin')
export class RebuildsController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(REBUILDS) private readonly rebuilds: Rebuilds,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
  ) {}

  @Get()
  @Documented({ summary: 'All read models, and what is being rebuilt', answer: readModelsListed })
  async list(): Promise<z.infer<typeof readModelsListed>> {
    return { projections: (await this.rebuilds.status()).map(shapeOf) };
  }

  @Get('progress')
  @Documented({
    summary: 'The same as server-sent events, whenever something has changed',
    isStream: true,
  })
  async progress(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const stream = this.streams.admit(request, reply);
    let last = '';
    const send = async (): Promise<void> => {
      const denied = await this.streams.denied(request);
      if (denied) return stream.close(denied);
      const block = namedEvent('progress', await this.list());
      if (block !== last && stream.hasRoomFor(block.length)) stream.write(Buffer.from(block));
      last = block;
    };
    await this.streams.start(stream, () => {
      stream.opened(retryAfter(this.streams.retryMs));
      // While the database does not answer there is nothing to tell.
      const tick = (): void => void send().catch(() => undefined);
      const timer = setInterval(tick, this.config.limits.rebuildProgressMs);
      tick();
      return {
        close: (refusal) => {
          clearInterval(timer);
          this.streams.close(stream, refusal, {});
        },
        end: () => clearInterval(timer),
      };
    });
  }

  @Post('rebuild')
  @HttpCode(200)
  @Documented({
    summary: 'Rebuilds read models beside the rows that are read, in one reading of the log',
    body: () => rebuildRequest,
    answer: readModelsListed,
  })
  async rebuild(@Body() body: unknown): Promise<z.infer<typeof readModelsListed>> {
    const { names, dryRun, accept } = readBody(rebuildRequest, body).value;
    const options = { dryRun: dryRun ?? false, accepted: accept ?? [] };
    await answered(this.rebuilds.request([...new Set(names)], options), 'names');
    return this.list();
  }

  @Post(':name/verify')
  @HttpCode(200)
  @Documented({
    summary: 'Compares the rows that are read with the rebuilt ones, else with the previous ones',
    answer: rowComparison,
  })
  async verify(@Param('name') name: string): Promise<RowComparison> {
    return rowComparison.parse(await answered(this.rebuilds.verify(name)));
  }

  @Post(':name/swap')
  @HttpCode(200)
  @Documented({
    summary: 'Puts the rebuilt rows in the place of those that are read',
    body: () => swapRequest,
    answer: swapped,
  })
  async swap(@Param('name') name: string, @Body() body: unknown): Promise<Swapped> {
    const { accept } = readBody(swapRequest, body).value;
    return answered(this.rebuilds.swap(name, accept));
  }

  @Post(':name/rollback')
  @HttpCode(200)
  @Documented({ summary: 'Puts the previous rows back', answer: swapped })
  rollback(@Param('name') name: string): Promise<Swapped> {
    return answered(this.rebuilds.rollback(name));
  }

  @Post(':name/cancel')
  @HttpCode(200)
  @Documented({ summary: 'Ends a rebuild and drops what it made', answer: readModelStatus })
  async cancel(@Param('name') name: string): Promise<ReadModelStatus> {
    await answered(this.rebuilds.cancel(name));
    return this.#one(name);
  }

  @Post(':name/drop-old')
  @HttpCode(200)
  @Documented({ summary: 'Drops the previous rows', answer: readModelStatus })
  async dropOld(@Param('name') name: string): Promise<ReadModelStatus> {
    await answered(this.rebuilds.dropPrevious(name));
    return this.#one(name);
  }

  async #one(name: string): Promise<ReadModelStatus> {
    const found = (await this.rebuilds.status()).find((status) => status.name === name);
    if (!found) throw new Problem('not-found');
    return shapeOf(found);
  }
}

/** What an operator asked for that cannot be, in the words of HTTP. */
async function answered<T>(asked: Promise<T>, field?: string): Promise<T> {
  try {
    return await asked;
  } catch (failure) {
    if (failure instanceof CannotSwap) {
      throw new Problem(failure.isPassing ? 'conflict' : 'refused', failure.message);
    }
    if (!(failure instanceof RangeError)) throw failure;
    throw field ? new Problem('invalid', failure.message, field) : new Problem('not-found');
  }
}

function shapeOf({ rebuild, served, previous, ...status }: RebuildProgress): ReadModelStatus {
  return readModelStatus.parse({
    ...status,
    served: copyShapeOf(served),
    previous: copyShapeOf(previous),
    rebuild: rebuild ? { ...rebuild, startedAt: rebuild.startedAt.toISOString() } : null,
  });
}

const copyShapeOf = (copy: RebuildProgress['served']) =>
  copy ? { ...copy, retiredAt: copy.retiredAt?.toISOString() ?? null } : null;

import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import {
  differencesListed,
  healSession,
  id,
  parkedListed,
  parkedShown,
  sessionRefolded,
  skipParked,
  type ParkedShown,
  type SessionRefolded,
} from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { recordOnce } from '../../access/system-stream.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { SessionRepairs } from '../../projecting/session-repairs.ts';
import { NotRefoldable } from '../../projecting/session-replay.ts';
import { EVENT_LOG, SESSION_REPAIRS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { readBody } from '../json-body.ts';
import { Problem } from '../problem.ts';
import { principalOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';

/** Sessions that a read model has parked, and rows that are not what the log says; for admins. */
@Controller('api/projections')
@RequiresScope('admin')
export class ProjectionsController {
  constructor(
    @Inject(SESSION_REPAIRS) private readonly repairs: SessionRepairs,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {}

  @Get('parked')
  @Documented({ summary: 'Parked sessions, those parked first first', answer: parkedListed })
  list(): Promise<z.infer<typeof parkedListed>> {
    return this.repairs.list();
  }

  @Get(':name/parked/:sessionId')
  @Documented({
    summary: 'A parked session, its poison event and how many events wait',
    answer: parkedShown,
  })
  async show(
    @Param('name') name: string,
    @Param('sessionId') sessionId: string,
  ): Promise<ParkedShown> {
    const parked = await this.#parked(name, sessionId);
    return { ...parked, ...(await this.repairs.waiting(parked)) };
  }

  @Post(':name/parked/:sessionId/retry')
  @HttpCode(200)
  @Documented({
    summary: 'Folds a parked session again: it goes on, or is parked as before',
    answer: sessionRefolded,
  })
  async retry(
    @Param('name') name: string,
    @Param('sessionId') sessionId: string,
  ): Promise<SessionRefolded> {
    await this.#parked(name, sessionId);
    return this.#repaired(this.repairs.refold(name, sessionId));
  }

  @Post(':name/parked/:sessionId/skip')
  @HttpCode(200)
  @Documented({
    summary: 'Leaves the poison event out, for good, and folds the rest of the session',
    body: () => skipParked,
    answer: sessionRefolded,
  })
  async skip(
    @Param('name') name: string,
    @Param('sessionId') sessionId: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<SessionRefolded> {
    const { value } = readBody(skipParked, body);
    const parked = await this.#parked(name, sessionId);
    const { projection, eventId, revision } = parked;
    const data = { projection, sessionId, eventId, revision, why: value.why };
    const { id: actor } = principalOf(request);
    const record = () => recordOnce(this.log, { type: 'projection.event-skipped', data }, actor);
    return this.#repaired(this.repairs.skip(parked, value.why, record));
  }

  @Get(':name/differences')
  @Documented({
    summary: 'Rows that the continuous check found to differ from the log, and nobody has healed',
    answer: differencesListed,
  })
  async differences(@Param('name') name: string): Promise<z.infer<typeof differencesListed>> {
    this.#refuseUnknown(name);
    return { differences: await this.repairs.differences(name) };
  }

  @Post(':name/heal')
  @HttpCode(200)
  @Documented({
    summary: 'Folds one session again and replaces its rows where they differ',
    body: () => healSession,
    answer: sessionRefolded,
  })
  async heal(@Param('name') name: string, @Body() body: unknown): Promise<SessionRefolded> {
    this.#refuseUnknown(name);
    const { value } = readBody(healSession, body);
    return this.#repaired(this.repairs.refold(name, value.sessionId));
  }

  async #parked(name: string, sessionId: string) {
    this.#refuseUnknown(name);
    const isId = id.safeParse(sessionId).success;
    const parked = isId ? await this.repairs.find(name, sessionId) : undefined;
    if (!parked) throw new Problem('not-found', `${name} has not parked this session`);
    return parked;
  }

  #refuseUnknown(name: string): void {
    if (!this.repairs.has(name)) throw new Problem('not-found', 'there is no such projection');
  }

  async #repaired<T>(repair: Promise<T>): Promise<T> {
    try {
      return await repair;
    } catch (failure) {
      if (failure instanceof NotRefoldable) throw new Problem('refused', failure.message);
      throw failure;
    }
  }
}

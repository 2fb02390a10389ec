import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import { METRICS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { RequiresScope } from '../requires-scope.ts';

/** The service's numbers, as Prometheus reads them. */
@Controller('metrics')
@RequiresScope('read')
export class MetricsController {
  constructor(@Inject(METRICS) private readonly registry: Registry) {}

  @Get()
  @Documented({ summary: 'Numbers for Prometheus' })
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.type(this.registry.contentType).send(await this.registry.metrics());
  }
}

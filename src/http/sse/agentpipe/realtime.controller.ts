import { Controller, Get, Inject, Query } from '@nestjs/common';
import { z } from 'zod';
import { Documented } from '../../documents/documented.ts';
import { readQuery } from '../../query-parameters.ts';
import { RequiresScope } from '../../requires-scope.ts';
import { AgentPipeStreams } from './agentpipe-streams.ts';

const eventsQuery = z.object({ includeEvents: z.string().optional() });

/** How it stands with the streams in AgentPipe's shape on this node. */
@Controller('api')
@RequiresScope('read')
export class RealtimeController {
  constructor(@Inject(AgentPipeStreams) private readonly streams: AgentPipeStreams) {}

  @Get('realtime/stats')
  @Documented({ summary: "Clients of AgentPipe's stream on this node" })
  stats() {
    return { ...this.streams.stats, timestamp: new Date().toISOString() };
  }

  @Get('diagnostics/events')
  @Documented({
    summary: "The same, and with `includeEvents=true` which events AgentPipe's stream begins with",
    query: () => eventsQuery,
  })
  events(@Query() query: unknown) {
    const { includeEvents } = readQuery(eventsQuery, query);
    return {
      stats: this.stats(),
      ...(includeEvents === 'true' ? { bufferedEvents: this.streams.bufferedEvents } : {}),
    };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, Reflector } from '@nestjs/core';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { AttachmentStore } from './attachments/attachment-store.ts';
import { AllowedOrigins } from './access/allowed-origins.ts';
import type { Keys } from './access/keys.ts';
import type { Revocations } from './access/revocations.ts';
import type { Config } from './config.ts';
import { CommandsGateway } from './gateway/commands.gateway.ts';
import { ConsoleGateway } from './gateway/console.gateway.ts';
import { PrincipalsGateway } from './gateway/principals.gateway.ts';
import { SessionsGateway } from './gateway/sessions.gateway.ts';
import { SignalsGateway } from './gateway/signals.gateway.ts';
import type { CommandHandler } from './commands/command-handler.ts';
import { AttachmentsController } from './http/attachments/attachments.controller.ts';
import { CommandsController } from './http/sessions/commands.controller.ts';
import { ConversationsController } from './http/conversations/conversations.controller.ts';
import { DocumentsController } from './http/documents/documents.controller.ts';
import { PagesController } from './http/documents/pages.controller.ts';
import { ErrorFilter } from './http/error-filter.ts';
import { ExportController } from './http/export/export.controller.ts';
import { HealthController } from './http/operations/health.controller.ts';
import { ImportController } from './http/import/import.controller.ts';
import { UploadFilesController } from './http/import/upload-files.controller.ts';
import { IngestLimit } from './http/ingest/ingest-rate-limit.ts';
import { IngestController } from './http/ingest/ingest.controller.ts';
import { Ingest } from './http/ingest/ingest.ts';
import { UploadController } from './http/ingest/upload/upload.controller.ts';
import { Uploads } from './http/ingest/upload/uploads.ts';
import { KeysController } from './http/operations/keys.controller.ts';
import { RebuildsController } from './http/operations/rebuilds.controller.ts';
import { MetricsController } from './http/operations/metrics.controller.ts';
import { createMetrics } from './http/operations/metrics.ts';
import { ProjectionsController } from './http/operations/projections.controller.ts';
import { ScopeGuard } from './http/requires-scope.ts';
import { SearchController } from './http/search/search.controller.ts';
import { SessionMetricsController } from './http/sessions/session-metrics.controller.ts';
import { SessionPartsController } from './http/sessions/session-parts.controller.ts';
import { SessionsController } from './http/sessions/sessions.controller.ts';
import { StreamCookieController } from './http/sse/stream-cookie.controller.ts';
import { AgentPipeStreams } from './http/sse/agentpipe/agentpipe-streams.ts';
import { RealtimeController } from './http/sse/agentpipe/realtime.controller.ts';
import { StreamsController } from './http/sse/streams.controller.ts';
import { OpenStreams } from './http/sse/open-streams.ts';
import { WhoamiController } from './http/operations/whoami.controller.ts';
import type { FreeDiskSpace } from './embedded-postgres/index.ts';
import type { ConsoleSubscriptions } from './live/console/console-subscriptions.ts';
import type { SessionHistory } from './live/history/session-history.ts';
import type { SessionSubscriptions } from './live/session/session-subscriptions.ts';
import { Importer } from './importing/importer.ts';
import type { EventLog } from './log/event-log.ts';
import type { Tail } from './log/tail.ts';
import type { Nodes } from './nodes/nodes.ts';
import type { Projector } from './projecting/projector.ts';
import type { Rebuilds } from './projecting/rebuild/rebuilds.ts';
import type { DifferenceSampler } from './projecting/difference-sampler.ts';
import type { SessionRepairs } from './projecting/session-repairs.ts';
import { CommandRequests } from './commands/command-requests.ts';
import * as tokens from './tokens.ts';

/** Everything below Nest. */
export interface ServiceParts {
  readonly database: DataSource;
  /** Undefined with a Postgres of the user's, whose disk the service does not see. */
  readonly disk: FreeDiskSpace | undefined;
  readonly log: EventLog;
  readonly tail: Tail;
  readonly nodes: Nodes;
  readonly keys: Keys;
  readonly revocations: Revocations;
  readonly commands: CommandHandler;
  readonly attachments: AttachmentStore;
  readonly projector: Projector;
  readonly rebuilds: Rebuilds;
  readonly repairs: SessionRepairs;
  readonly sampler: DifferenceSampler;
  readonly sessionSubscriptions: SessionSubscriptions;
  readonly consoleSubscriptions: ConsoleSubscriptions;
  readonly sessionHistory: SessionHistory;
}

/** What is injected by token. */
function valuesOf(config: Config, logger: Logger, parts: ServiceParts): [symbol, unknown][] {
  const { limits } = config;
  const { commands, log } = parts;
  const now = (): Date => new Date();
  const { messageCharactersMax } = limits;
  const metrics = createMetrics(parts);
  return [
    [tokens.CONFIG, config],
    [tokens.LOGGER, logger],
    [tokens.EVENT_LOG, log],
    [tokens.TAIL, parts.tail],
    [tokens.NODES, parts.nodes],
    [tokens.DATABASE, parts.database],
    [tokens.DISK, parts.disk],
    [tokens.COMMANDS, commands],
    [tokens.COMMAND_REQUESTS, new CommandRequests(commands, log, limits, parts.attachments)],
    [tokens.ATTACHMENTS, parts.attachments],
    [tokens.PROJECTOR, parts.projector],
    [tokens.REBUILDS, parts.rebuilds],
    [tokens.SESSION_REPAIRS, parts.repairs],
    [tokens.SESSION_SUBSCRIPTIONS, parts.sessionSubscriptions],
    [tokens.CONSOLE_SUBSCRIPTIONS, parts.consoleSubscriptions],
    [tokens.SESSION_HISTORY, parts.sessionHistory],
    [tokens.ALLOWED_ORIGINS, new AllowedOrigins(config)],
    [tokens.KEYS, parts.keys],
    [tokens.REVOCATIONS, parts.revocations],
    [tokens.METRICS, metrics.registry],
    [tokens.INGEST_METRIC, metrics.ingested],
    [tokens.INGEST, new Ingest(commands, log, { messageCharactersMax, now })],
    [tokens.INGEST_LIMIT, new IngestLimit(config.ingestPerMinute)],
    [tokens.IMPORTER, new Importer(commands, log, parts.attachments, limits)],
    [tokens.UPLOADS, new Uploads(commands, limits)],
    [tokens.UPLOAD_LIMIT, new IngestLimit(limits.uploadsPerMinute)],
  ];
}

/** The one place where things are put together, by token. */
@Module({})
export class AppModule {
  /** The module around parts that are open already. */
  static of(config: Config, logger: Logger, parts: ServiceParts): DynamicModule {
    const values = valuesOf(config, logger, parts);
    return {
      module: AppModule,
      controllers: [
        IngestController,
        UploadController,
        ImportController,
        UploadFilesController,
        CommandsController,
        SessionsController,
        SessionPartsController,
        ExportController,
        AttachmentsController,
        ConversationsController,
        SessionMetricsController,
        RealtimeController,
        SearchController,
        StreamsController,
        StreamCookieController,
        DocumentsController,
        PagesController,
        KeysController,
        RebuildsController,
        WhoamiController,
        ProjectionsController,
        HealthController,
        MetricsController,
      ],
      providers: [
        ...values.map(([provide, useValue]) => ({ provide, useValue })),
        Reflector,
        PrincipalsGateway,
        SessionsGateway,
        CommandsGateway,
        ConsoleGateway,
        SignalsGateway,
        OpenStreams,
        AgentPipeStreams,
        { provide: APP_GUARD, useClass: ScopeGuard },
        { provide: APP_FILTER, useClass: ErrorFilter },
      ],
    };
  }
}

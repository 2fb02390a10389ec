import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import type { Config } from '../../config.ts';
import { CONFIG } from '../../tokens.ts';
import { RequiresScope } from '../requires-scope.ts';
import { Documented } from './documented.ts';
import { documentsOf } from './documents.controller.ts';
import { STYLE } from './html.ts';
import { docsPage, homePage, type AsyncApiDocument, type OpenApiDocument } from './pages.ts';

/** No script, no other host, no frame around it, and nothing that could send anything. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

/** Pages for people who come with a browser. They are made once and need no key. */
@Controller()
@RequiresScope('nothing')
export class PagesController {
  readonly #home: string;
  readonly #docs: string;

  constructor(
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(CONFIG) { limits }: Config,
  ) {
    const { openApi, asyncApi } = documentsOf(modules, limits);
    const http = openApi as unknown as OpenApiDocument;
    this.#home = homePage(http.info.version);
    this.#docs = docsPage(http, asyncApi as unknown as AsyncApiDocument);
  }

  @Get('start')
  @Documented({ summary: 'A page to begin at; a browser at `/` is sent to it', text: 'text/html' })
  async home(@Res() reply: FastifyReply): Promise<void> {
    await sendPage(reply, this.#home);
  }

  @Get('docs')
  @Documented({ summary: 'The documents for people', text: 'text/html' })
  async docs(@Res() reply: FastifyReply): Promise<void> {
    await sendPage(reply, this.#docs);
  }

  @Get('docs/style.css')
  @Documented({ summary: 'How the pages look', text: 'text/css' })
  async style(@Res() reply: FastifyReply): Promise<void> {
    await reply.header('cache-control', 'max-age=300').type('text/css; charset=utf-8').send(STYLE);
  }
}

const sendPage = (reply: FastifyReply, text: string): FastifyReply =>
  reply
    .header('content-security-policy', POLICY)
    .header('cache-control', 'no-cache')
    .type('text/html; charset=utf-8')
    .send(text);

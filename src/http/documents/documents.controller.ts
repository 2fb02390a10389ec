import { Controller, Get, Inject, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Config, Limits } from '../../config.ts';
import { CONFIG } from '../../tokens.ts';
import { asyncApi } from './asyncapi.ts';
import { Documented } from './documented.ts';
import { openApi } from './openapi.ts';
import { RequiresScope } from '../requires-scope.ts';

/** Raised with each change of what clients see. */
const VERSION = '0.1.0';

/** What the service says of itself, made from the schemas that check requests. */
export function documentsOf(modules: ModulesContainer, limits: Limits) {
  const controllers = [...modules.values()].flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) => (metatype ? [metatype] : [])),
  );
  return {
    openApi: openApi(controllers as Type[], limits, VERSION),
    asyncApi: asyncApi(VERSION),
  };
}

/** The documents for programs; `pages.controller.ts` has them for people. */
@Controller('api')
@RequiresScope('read')
export class DocumentsController {
  readonly #documents;

  constructor(
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(CONFIG) { limits }: Config,
  ) {
    this.#documents = documentsOf(modules, limits);
  }

  @Get('docs')
  @Documented({ summary: 'HTTP as an OpenAPI 3.1 document' })
  openApi(): object {
    return this.#documents.openApi;
  }

  @Get('asyncapi.json')
  @Documented({ summary: 'The socket as an AsyncAPI 3 document' })
  asyncApi(): object {
    return this.#documents.asyncApi;
  }
}

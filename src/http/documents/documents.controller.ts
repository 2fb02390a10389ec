import { Controller, Get, Inject, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Config } from '../../config.ts';
import { CONFIG } from '../../tokens.ts';
import { asyncApi } from './asyncapi.ts';
import { Documented } from './documented.ts';
import { openApi } from './openapi.ts';
import { RequiresScope } from '../requires-scope.ts';

/** Raised with each change of what clients see. */
const VERSION = '0.1.0';

/** What the service says of itself, made from the schemas that check requests. */
@Controller('api')
@RequiresScope('read')
export class DocumentsController {
  readonly #asyncApi = asyncApi(VERSION);
  readonly #openApi: object;

  constructor(
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(CONFIG) { limits }: Config,
  ) {
    const controllers = [...modules.values()].flatMap((module) =>
      [...module.controllers.values()].flatMap(({ metatype }) => (metatype ? [metatype] : [])),
    );
    this.#openApi = openApi(controllers as Type[], limits, VERSION);
  }

  @Get('docs')
  @Documented({ summary: 'HTTP as an OpenAPI 3.1 document' })
  openApi(): object {
    return this.#openApi;
  }

  @Get('asyncapi.json')
  @Documented({ summary: 'The socket as an AsyncAPI 3 document' })
  asyncApi(): object {
    return this.#asyncApi;
  }
}

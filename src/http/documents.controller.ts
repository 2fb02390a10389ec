import { Controller, Get } from '@nestjs/common';
import { asyncApi } from './documents/asyncapi.ts';
import { Needs } from './needs.ts';

/** Raised with each change of what clients see. */
const VERSION = '0.1.0';

/** What the service says of itself, made from the contract. */
@Controller('api')
@Needs('read')
export class DocumentsController {
  readonly #asyncApi = asyncApi(VERSION);

  @Get('asyncapi.json')
  asyncApi(): object {
    return this.#asyncApi;
  }
}

import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import {
  keyCreate,
  keyCreated,
  keyRotated,
  keyShape,
  keysListed,
  type KeyCreated,
  type KeyRotated,
  type KeyShape,
} from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import { v5 } from 'uuid';
import type { z } from 'zod';
import { type IssuedKey, type IssuedKeys, shapeOfKey } from '../../access/issued-keys.ts';
import type { Keys } from '../../access/keys.ts';
import type { Config } from '../../config.ts';
import { CONFIG, KEYS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { principalOf } from '../request-hooks.ts';
import { idempotencyKeyOf } from '../sessions/idempotency-key.ts';
import { readBody } from '../json-body.ts';
import { RequiresScope } from '../requires-scope.ts';

/** A key's id is made in it of who asks and their `Idempotency-Key`. */
const NAMESPACE = '0d5f0c0b-93f6-5f0e-9c0e-7f2a4a1d6c38';

/** Keys for admins: a key itself is in one answer only, which nothing on the way may keep. */
@Controller('api/keys')
@RequiresScope('admin')
export class KeysController {
  readonly #keys: IssuedKeys;

  constructor(
    @Inject(KEYS) keys: Keys,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.#keys = keys.issued;
  }

  @Post()
  @Header('cache-control', 'no-store')
  @Documented({
    summary: 'Makes a key; it is shown this once',
    body: () => keyCreate,
    answer: keyCreated,
    status: 201,
    isIdempotent: true,
  })
  async create(@Body() body: unknown, @Req() request: FastifyRequest): Promise<KeyCreated> {
    const { value } = readBody(keyCreate, body);
    const { keysMax } = this.config.limits;
    const { id: actor } = principalOf(request);
    const key = idempotencyKeyOf(request);
    const id = key === undefined ? undefined : v5(JSON.stringify([actor, key]), NAMESPACE);
    return created(await this.#keys.create(value, actor, keysMax, id));
  }

  @Get()
  @Documented({ summary: 'All valid keys, then the last revoked ones', answer: keysListed })
  async list(): Promise<z.infer<typeof keysListed>> {
    const rows = await this.#keys.list(this.config.limits);
    return { keys: rows.map(shapeOfKey) };
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @Documented({ summary: 'Ends a key and what it has open, for good', answer: keyShape })
  async revoke(@Param('id') id: string, @Req() request: FastifyRequest): Promise<KeyShape> {
    return shapeOfKey(await this.#keys.revoke(id, principalOf(request).id));
  }

  @Post(':id/rotate')
  @Header('cache-control', 'no-store')
  @Documented({
    summary: 'Makes a key like another, which stays valid until it is revoked',
    answer: keyRotated,
    status: 201,
  })
  async rotate(@Param('id') id: string, @Req() request: FastifyRequest): Promise<KeyRotated> {
    const { keysMax } = this.config.limits;
    const issued = await this.#keys.rotate(id, principalOf(request).id, keysMax);
    const note = `the old key stays valid until POST /api/keys/${id}/revoke`;
    return { ...created(issued), replaces: id, note };
  }
}

const created = ({ row, key }: IssuedKey): KeyCreated => ({ ...shapeOfKey(row), key });

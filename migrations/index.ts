import type { MigrationInterface } from 'typeorm';

/** Every change of the schema, oldest first. */
export const migrations: (new () => MigrationInterface)[] = [];

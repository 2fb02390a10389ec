import type { Scope } from '@playhead/contract';

/** Who makes a request. */
export interface Principal {
  /** `key:<id>`, as events name their actor. */
  readonly id: string;
  /** What its key is called. */
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Finds out who holds a token. */
export interface Authenticator {
  /** The principal of a valid key, `undefined` for any other text. */
  authenticate(token: string): Promise<Principal | undefined>;
}

/** Whether a principal may do what a scope names; an admin may do everything. */
export const may = (principal: Principal, scope: Scope): boolean =>
  principal.scopes.includes('admin') || principal.scopes.includes(scope);

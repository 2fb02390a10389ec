/** The server that benches of its log run on; those are left out by name without one. */
export const eventStoreUrl = (): string => process.env['EVENTSTORE_URL'] ?? '';

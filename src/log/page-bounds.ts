/** What one read takes at most: so many events and, beyond the first, so many bytes. */
export interface PageBounds {
  readonly limit: number;
  readonly bytesMax: number;
}

/** The first events, as many as fit in a page. */
export function boundedPage<Event extends { readonly bytes: number }>(
  events: readonly Event[],
  { limit, bytesMax }: PageBounds,
): readonly Event[] {
  let bytes = 0;
  const end = events.findIndex((event, index) => {
    bytes += event.bytes;
    return index >= limit || (index > 0 && bytes > bytesMax);
  });
  return end < 0 ? events : events.slice(0, end);
}

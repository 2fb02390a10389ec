/** Some bytes of something, both ends inclusive, from 0. */
export interface ByteRange {
  readonly from: number;
  readonly through: number;
}

/**
 * What a `Range` header asks for of something that has so many bytes (RFC 9110, 14.2): `undefined`
 * for all of it, as without a header and with one that may be ignored (another unit, several
 * ranges, nothing that the grammar has); `none` when it has no byte there.
 */
export function byteRange(
  header: string | undefined,
  bytes: number,
): ByteRange | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const suffix = Math.min(Number(last), bytes);
    return suffix === 0 ? 'none' : { from: bytes - suffix, through: bytes - 1 };
  }
  const from = Number(first);
  const through = last === '' ? Infinity : Number(last);
  if (from > through) return undefined;
  return from >= bytes ? 'none' : { from, through: Math.min(through, bytes - 1) };
}

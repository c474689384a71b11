/** How many bytes a character of UTF-8 takes (RFC 3629), by its first byte; 0 for bytes that begin none beyond ASCII. */

export const UTF8_WIDTH = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0xc2 || byte > 0xf4) return 0
  if (byte < 0xe0) return 2
  return byte < 0xf0 ? 3 : 4
})

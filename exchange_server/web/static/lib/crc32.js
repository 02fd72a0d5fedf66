// CRC-32 of a text of ASCII characters, as zlib has it: the checksum of a book's best levels.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(text) {
  let value = 0xffffffff;
  for (let at = 0; at < text.length; at += 1) value = TABLE[(value ^ text.charCodeAt(at)) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

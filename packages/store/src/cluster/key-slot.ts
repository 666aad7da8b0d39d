/** A Redis Cluster has so many. */
const SLOTS = 16_384;
/** CRC-16/XMODEM, as the Redis Cluster specification has it ("Key distribution model"). */
const POLYNOMIAL = 0x1021;

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ POLYNOMIAL) & 0xffff;
  }
  return crc;
}

/** The slot of every key with this hash tag, which is given without its braces. */
export function keySlot(hashTag: string): number {
  return crc16(new TextEncoder().encode(hashTag)) % SLOTS;
}

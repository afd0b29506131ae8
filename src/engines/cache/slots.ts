/** Where Redis Cluster puts a key: CRC16 (XMODEM) of its hash tag, if it has one, modulo 16,384 (Redis Cluster specification). */
const SLOTS = 16_384
const POLYNOMIAL = 0x1021

export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key
  let crc = 0
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? POLYNOMIAL : 0)) & 0xffff
  }
  return crc % SLOTS
}

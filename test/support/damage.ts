/** The damage that disks and crashes do to files, from a seeded random source. */

/** A damaged copy of the bytes, never equal to the original, and a description of the damage. */
export function damagedBytes(whole: Buffer, random: () => number): { bytes: Buffer; what: string } {
  const place = Math.floor(random() * whole.length)
  switch (Math.floor(random() * 5)) {
    case 0:
      return { bytes: whole.subarray(0, place), what: `cut at ${place}` }
    case 1: {
      // A sector that was never written.
      const begin = place - (place % 512)
      const bytes = Buffer.from(whole)
      bytes.fill(0, begin, Math.min(begin + 512, bytes.length))
      if (!bytes.equals(whole)) return { bytes, what: `sector at ${begin} zero` }
      break
    }
    case 2: {
      // A sector with the bytes of another one.
      const begin = place - (place % 512)
      const from = Math.floor(random() * (whole.length / 512)) * 512
      const bytes = Buffer.from(whole)
      whole.copy(bytes, begin, from, from + 512)
      if (!bytes.equals(whole)) return { bytes, what: `sector at ${begin} overwritten by that at ${from}` }
      break
    }
    case 3: {
      const length = 1 + Math.floor(random() * 4_096)
      const bytes = Buffer.from(whole)
      for (let i = place; i < Math.min(place + length, bytes.length); i++) bytes[i]! ^= 1 + Math.floor(random() * 255)
      return { bytes, what: `${length} bytes from ${place} on overwritten` }
    }
  }
  const bit = 1 << Math.floor(random() * 8)
  const bytes = Buffer.from(whole)
  bytes[place]! ^= bit
  return { bytes, what: `bit ${bit} of byte ${place} flipped` }
}

/** IEEE 754 binary16 ⇄ float32 in bulk; Node 20 has no Float16Array. */

/** Every one of the 65,536 halves as a float. At 256 KiB, a look-up is cheaper than the arithmetic. */
function tableOfHalves(): Float32Array {
  return Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}

let table: Float32Array | undefined

/** @param into as long as `halves`; allocated if absent */
export function halvesToFloats(
  halves: Uint16Array,
  into: Float32Array = new Float32Array(halves.length),
): Float32Array {
  table ??= tableOfHalves()
  for (let i = 0; i < halves.length; i++) into[i] = table[halves[i]!]!
  return into
}

/** Rounds to the nearest half, ties to even; overflow becomes infinity. */
export function floatsToHalves(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length)
  const halves = new Uint16Array(floats.length)
  for (let i = 0; i < floats.length; i++) halves[i] = halfOf(bits[i]!)
  return halves
}

function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65,520 and above round up to infinity
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // below 2^-14 halves are spaced 2^-24 apart
  if (magnitude < 0x38800000) return sign | subnormalOf(magnitude)
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

function subnormalOf(magnitude: number): number {
  const exponent = magnitude >>> 23
  if (exponent < 102) return 0
  const shift = 126 - exponent
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const half = fraction >>> shift
  const rest = fraction & ((1 << shift) - 1)
  const middle = 1 << (shift - 1)
  return rest > middle || (rest === middle && half & 1) ? half + 1 : half
}

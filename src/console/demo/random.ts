/** Seeded random numbers: the same seed gives the same pictures. */

export interface Random {
  /** From `low` (inclusive) to `high` (exclusive). */
  between(low: number, high: number): number
  pick<One>(from: readonly One[]): One
  chance(share: number): boolean
}

/** Mulberry32, by Tommy Ettinger. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    between: (low, high) => low + (high - low) * next(),
    pick: (from) => from[Math.floor(next() * from.length)]!,
    chance: (share) => next() < share,
  }
}

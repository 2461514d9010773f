/**
 * Whether calls that overlapped can be explained by one order of them, in which none comes before a call that had ended when
 * it began. Wing and Gong, "Testing and verifying concurrent objects", 1993.
 */

/** One call, as far as it concerns one thing. */
export interface Happening<State> {
  /** When it was made, and when it was answered: numbers that grow. */
  begin: number
  end: number
  /** The states that may follow; none if its answer is impossible in the former one. */
  after(former: State): State[]
}

/** Tries all orders, which is quick for the few calls about one image. */
export function isExplained<State>(happenings: readonly Happening<State>[], state: State): boolean {
  if (happenings.length === 0) return true
  const firstEnd = Math.min(...happenings.map(({ end }) => end))
  return happenings.some(
    (one) =>
      one.begin <= firstEnd &&
      one.after(state).some((next) =>
        isExplained(
          happenings.filter((other) => other !== one),
          next,
        ),
      ),
  )
}

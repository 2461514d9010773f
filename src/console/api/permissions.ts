/** What a caller lacks. Pure. */

/** As told by the service. */
interface Permissions {
  verbs: readonly string[]
  /** Kinds of jobs that it may start. */
  jobs: readonly string[]
  /** Those it is restricted to. */
  galleries: readonly string[] | null
}

/** The first of the needs, which are verbs, kinds of jobs and `every gallery`, that is not met. */
export function lackOf<Need extends string>(
  { verbs, jobs, galleries }: Permissions,
  needs: Need | readonly Need[],
): Need | undefined {
  const met = new Set<string>([...verbs, ...jobs, ...(galleries === null ? ['every gallery'] : [])])
  return (typeof needs === 'string' ? [needs] : needs).find((need) => !met.has(need))
}

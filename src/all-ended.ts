/** Parallel work of which none may outlive the wait for all of it. */

/** Also waits for the others if one fails. @throws what the first failed one in the list does */
export async function allEnded<const Works extends readonly unknown[]>(
  works: Works,
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  await Promise.allSettled(works)
  return Promise.all(works)
}

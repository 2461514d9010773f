/** Parallel work of one picture that must not outlive its decode permit. */

/** Also waits for the others if one fails. @throws what the first failed one in the list does */
export async function allEnded<const Works extends readonly unknown[]>(
  works: Works,
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  await Promise.allSettled(works)
  return Promise.all(works)
}

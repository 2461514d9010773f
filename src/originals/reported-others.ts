/**
 * For an `Owners`: reports other installations when they are found, and again when they are not the same any more.
 * @returns a function of the others found, which returns whether there are none
 */
export function reportingOthers(onOthers: (others: readonly string[]) => void): (others: readonly string[]) => boolean {
  let reported = ''
  return (others) => {
    if (others.length > 0 && String(others) !== reported) onOthers(others)
    reported = String(others)
    return others.length === 0
  }
}

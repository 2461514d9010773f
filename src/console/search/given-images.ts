/** Pictures given to this page; the URL of a search refers to them by token while the page is open. */

/** The oldest are dropped. */
const keptMax = 40

const images = new Map<string, File>()
/** Starts elsewhere in each visit, so that a URL from an earlier one does not name another picture. */
let count = Date.now()

export function keepImage(image: File): string {
  const token = (++count).toString(36)
  images.set(token, image)
  const [oldest] = images.keys()
  if (images.size > keptMax && oldest !== undefined) images.delete(oldest)
  return token
}

export function imageOf(token: string | undefined): File | undefined {
  return token === undefined ? undefined : images.get(token)
}

/** @throws Error if the page no longer has it */
export function expectImage(token: string): File {
  const image = images.get(token)
  if (image === undefined)
    throw new Error('This page no longer has the picture of that search: choose it again, or paste it.')
  return image
}

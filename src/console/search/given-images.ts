/** Pictures given to this page; the URL of a search refers to them by token while the page is open. */

/** The oldest are dropped. */
const keptMax = 40

const images = new Map<string, File>()
let count = 0

export function keepImage(image: File): string {
  const token = `${++count}-${image.name.slice(0, 40)}`
  images.set(token, image)
  const [oldest] = images.keys()
  if (images.size > keptMax && oldest !== undefined) images.delete(oldest)
  return token
}

export function imageOf(token: string | undefined): File | undefined {
  return token === undefined ? undefined : images.get(token)
}

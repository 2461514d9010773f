/** Pictures that were given to this page; the address of a search names them by token, as long as the page is open. */

/** The oldest are forgotten. */
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

/** Pictures that were given to this page; the address of a search names them by token, as long as the page is open. */

/** The oldest are forgotten. */
const keptMax = 40

const pictures = new Map<string, File>()
let count = 0

export function keepPicture(picture: File): string {
  const token = `${++count}-${picture.name.slice(0, 40)}`
  pictures.set(token, picture)
  const [oldest] = pictures.keys()
  if (pictures.size > keptMax && oldest !== undefined) pictures.delete(oldest)
  return token
}

export function pictureOf(token: string | undefined): File | undefined {
  return token === undefined ? undefined : pictures.get(token)
}

/** Which pictures of a group are copies of one of them: groups also join pictures through copies that both have. */
import { answerOf, type Schemas, service } from '../api/service.js'

type CopyImage = Schemas['Duplicates']['groups'][number]['images'][number]

/** Ids of the others that are its copies as they are stored now. @throws ServiceError */
export async function directCopies(
  gallery: string,
  images: readonly CopyImage[],
  { keep, duplicateScore }: { keep: string; duplicateScore: number },
): Promise<string[]> {
  const { contentHash } = images.find(({ id }) => id === keep)!
  const others = images.filter(({ id }) => id !== keep)
  // without features, equal files are not found by comparing
  const equal = new Set(others.filter((one) => one.contentHash === contentHash).map(({ id }) => id))
  const ids = others.flatMap(({ id }) => (equal.has(id) ? [] : id))
  if (ids.length === 0) return [...equal]
  const { hits } = await answerOf(
    service.POST('/v1/galleries/{gallery}/search', {
      params: { path: { gallery } },
      body: {
        imageId: keep,
        nearCopies: 'only',
        duplicateScore,
        k: ids.length,
        filter: { field: 'id', in: ids },
      },
    }),
  )
  const found = new Set(hits.map(({ id }) => id))
  return others.flatMap(({ id }) => (equal.has(id) || found.has(id) ? id : []))
}

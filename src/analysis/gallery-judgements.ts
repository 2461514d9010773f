/** Human input on a gallery: decisions about findings, and judgements of hits. */
import type { StoredDecision } from '../gallery/decisions.js'
import type { StoredJudgement } from '../gallery/feedback.js'
import type { Galleries } from '../gallery/galleries.js'

interface Lines<Line> {
  page(after: number, limit: number): Promise<Line[]>
}

const linesRead = 500

/** All of them. */
export async function decisionsOf(galleries: Galleries, gallery: string): Promise<StoredDecision[]> {
  const all: StoredDecision[] = []
  for await (const page of pagesOf(await galleries.decisions(gallery))) all.push(...page)
  return all
}

/** Page by page, so that this thread never holds all of a gallery's judgements. */
export async function* judgementPages(galleries: Galleries, gallery: string): AsyncGenerator<StoredJudgement[]> {
  yield* pagesOf(await galleries.feedback(gallery))
}

async function* pagesOf<Line extends { number: number }>(lines: Lines<Line>): AsyncGenerator<Line[]> {
  for (let after = 0; ; ) {
    const page = await lines.page(after, linesRead)
    if (page.length === 0) return
    yield page
    after = page.at(-1)!.number
  }
}

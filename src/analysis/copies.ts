/** The copies in a whole gallery: equal files, and pictures whose descriptors agree. */
import { findCopyPairs } from '../copies/copy-pairs.js'
import { nearCopyScore } from '../copies/near-copy-score.js'
import { seededRandom } from '../eval/random.js'
import type { WholeGallery } from '../gallery/whole-gallery.js'
import { CopyGroups } from './findings/copy-groups.js'
import type { Apart } from './findings/settled.js'

/** The same samples of signs each time: the same gallery gives the same answer. */
const seed = 1
/** Pictures of a group whose scores to each other are all looked at. */
const comparedMax = 50

/** @param apart pairs that are none, whatever they score @param onStep told the share that is done; what it throws ends the search */
export function findCopyGroups(
  { contentHashes, copies }: WholeGallery,
  duplicateScore: number,
  apart: Apart,
  onStep: (share: number) => void,
): CopyGroups {
  const groups = CopyGroups.ofContent(contentHashes, apart)
  findCopyPairs(copies, {
    duplicateScore,
    random: seededRandom(seed),
    areJoined: (a, b) => groups.groupOf(a) === groups.groupOf(b),
    join: (a, b, score) => {
      if (!apart.areApart(a, b)) groups.join(a, b, score)
    },
    onStep,
  })
  for (const members of groups.list()) tellScores(members.slice(0, comparedMax))
  return groups

  /** Who was joined over others was not compared with all of them. */
  function tellScores(members: readonly number[]): void {
    const described = members.filter((member) => copies.hasFeatures[member] === 1)
    for (const [i, a] of described.entries()) {
      for (const b of described.slice(0, i)) groups.join(a, b, nearCopyScore(copies.words, a, copies.words, b))
    }
  }
}

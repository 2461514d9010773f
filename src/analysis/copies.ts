/** Finds the copies in a whole gallery: equal files, and pictures with matching descriptors. */
import { findCopyPairs } from '../copies/copy-pairs.js'
import { nearCopyScore } from '../copies/near-copy-score.js'
import { seededRandom } from '../eval/random.js'
import type { WholeGallery } from '../gallery/whole-gallery.js'
import { CopyGroups } from './findings/copy-groups.js'
import type { Apart } from './findings/settled.js'

/** Fixed seed of the sampled descriptor bits: the same gallery always gives the same answer. */
const seed = 1
/** Maximum pictures of a group whose mutual scores are all computed. */
const comparedMax = 50

/**
 * @param apart pairs that are not copies, whatever their score
 * @param onStep receives the completed share; throwing ends the search
 */
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

  /** A picture joined through others was not compared with all of them. */
  function tellScores(members: readonly number[]): void {
    const described = members.filter((member) => copies.hasFeatures[member] === 1)
    for (const [i, a] of described.entries()) {
      for (const b of described.slice(0, i)) groups.join(a, b, nearCopyScore(copies.words, a, copies.words, b))
    }
  }
}

/** Groups of near-copies: keep one, keep all, or mark them as not copies. */
import type { Job } from '../api/follow-job.js'
import type { Schemas } from '../api/service.js'
import { countText, picturesText } from '../controls/counts.js'
import { Needs } from '../controls/needs.js'
import { AnalysisHead } from './analysis-head.js'
import { CopyGroup, copiesFinding, type Group } from './copy-group.js'
import { DecidedLine } from './decided-line.js'
import { FindingList } from './finding.js'
import { useAnalysis } from './use-analysis.js'
import { type Decisions, useDecisions } from './use-decisions.js'

export function CopiesView({ gallery }: { gallery: string }) {
  const analysis = useAnalysis(gallery, 'duplicates')
  const { job, result } = analysis
  return (
    <section class="stack" aria-label="Copies">
      <AnalysisHead
        kind="duplicates"
        analysis={analysis}
        question="Which pictures are stored twice?"
        action="Look for copies"
        promise="Finds pictures that are stored more than once: the same file, or scaled down, cropped, compressed, recoloured."
      />
      {job && result && <Groups gallery={gallery} job={job} duplicates={result} />}
    </section>
  )
}

interface GroupsProps {
  gallery: string
  job: Job
  duplicates: Schemas['Duplicates']
}

function Groups({ gallery, job, duplicates }: GroupsProps) {
  const { copies, pictures, notCompared, count, groups, duplicateScore } = duplicates
  const decisions = useDecisions(gallery, job, groups.map(copiesFinding))
  const open = groups
    .map((group) => withoutKept(group, decisions.keptOneOf))
    .filter((group) => group.images.length > 1 && !decisions.isDecided(copiesFinding(group)))
  const decided = groups.length - open.length
  const left = copies - removable(groups) + removable(open)
  return (
    <>
      <DecidedLine decisions={decisions}>
        {left.toLocaleString('en')} of {picturesText(pictures)} could be removed
        {decided > 0 && `; ${countText(decided, 'group')} decided`}.
      </DecidedLine>
      {notCompared > 0 && (
        <p class="hint">
          {picturesText(notCompared)} could only be checked for equal files: too little detail to compare, or stored
          without a thumbnail by an earlier version.
        </p>
      )}
      {open.length > 0 && (
        <p class="hint">
          The number of a picture tells how much it is like another one of its group: 1 if the files are equal, at least{' '}
          {duplicateScore} for copies. Low ones may be different pictures of the same layout.
        </p>
      )}
      {!decisions.isLoading && <EqualFiles groups={open.filter(isOfEqualFiles)} decisions={decisions} />}
      {!decisions.isLoading && (
        <Needs to="write">
          <FindingList title="Groups of copies" count={count - decided} listed={open.length}>
            {open.map((group) => (
              <CopyGroup
                key={group.images[0]?.id}
                gallery={gallery}
                group={group}
                duplicateScore={duplicateScore}
                decisions={decisions}
              />
            ))}
          </FindingList>
        </Needs>
      )}
    </>
  )
}

/** What is left of it once one was kept of others of its pictures. */
function withoutKept(group: Group, keptOneOf: ReadonlySet<string>): Group {
  const images = group.images.filter(({ id }) => !keptOneOf.has(id))
  return { ...group, images, size: group.size - (group.images.length - images.length) }
}

function removable(groups: readonly Group[]): number {
  return groups.reduce((sum, { size }) => sum + size - 1, 0)
}

/** All are listed, and whichever is kept has their label. */
function isOfEqualFiles({ identical, size, images }: Group): boolean {
  return identical && size === images.length && images.every(({ label }) => label === images[0]?.label)
}

/** What hardly needs to be looked at is decided at once. */
function EqualFiles({ groups, decisions }: { groups: readonly Group[]; decisions: Decisions }) {
  if (groups.length < 2) return null
  const keepShortest = () =>
    decisions.keepOneOf(
      groups.map((group) => {
        const { ids } = copiesFinding(group)
        return { ids, keep: ids.reduce((best, id) => (id.length < best.length ? id : best)) }
      }),
    )
  return (
    <Needs to={['write', 'delete']} otherwise="nothing">
      <div class="row">
        <button type="button" onClick={keepShortest}>
          Of equal files, keep one
        </button>
        <span class="hint">
          In {groups.length} groups all files are equal and have the same label: of each, the picture with the shortest
          id is kept.
        </span>
      </div>
    </Needs>
  )
}

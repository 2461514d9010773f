/** Groups of near-copies: keep one, keep all, or mark them as not copies. */
import type { Job } from '../api/follow-job.js'
import type { Schemas } from '../api/service.js'
import { countText, picturesText } from '../controls/counts.js'
import { Needs } from '../controls/needs.js'
import { AnalysisHead } from './analysis-head.js'
import { DecidedLine } from './decided-line.js'
import { FindingImage, FindingList, FirstOf } from './finding.js'
import type { Finding } from './settled.js'
import { useAnalysis } from './use-analysis.js'
import { type Decisions, useDecisions } from './use-decisions.js'

const shownFirst = 12

export function CopiesView({ gallery }: { gallery: string }) {
  const analysis = useAnalysis(gallery, 'duplicates')
  const { job, result } = analysis
  return (
    <section class="stack" aria-label="Copies">
      <AnalysisHead
        kind="duplicates"
        analysis={analysis}
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
  const isDecided = (group: Group) => decisions.isDecided(copiesFinding(group))
  const open = groups.filter((group) => !isDecided(group))
  const decided = groups.length - open.length
  const left = groups.filter(isDecided).reduce((sum, { size }) => sum - (size - 1), copies)
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
              <CopyGroup key={group.images[0]?.id} gallery={gallery} group={group} decisions={decisions} />
            ))}
          </FindingList>
        </Needs>
      )}
    </>
  )
}

type Group = Schemas['Duplicates']['groups'][number]

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

interface CopyGroupProps {
  gallery: string
  group: Group
  decisions: Decisions
}

function copiesFinding({ images }: Group) {
  return { kind: 'copies' as const, ids: images.map(({ id }) => id) } satisfies Finding
}

function CopyGroup({ gallery, group, decisions }: CopyGroupProps) {
  const { images, size, identical } = group
  const about = copiesFinding(group)
  return (
    <li class="finding">
      <FirstOf all={images} first={shownFirst}>
        {({ id, label, nearCopyScore }) => (
          <FindingImage key={id} gallery={gallery} id={id} label={label} note={`copy ${nearCopyScore.toFixed(2)}`}>
            <Needs to="delete" otherwise="nothing">
              <button type="button" onClick={() => decisions.keepOneOf([{ ids: about.ids, keep: id }])}>
                Keep only this<span class="unseen"> one, {id}</span>
              </button>
            </Needs>
          </FindingImage>
        )}
      </FirstOf>
      <div class="finding-question">
        <p class="hint">
          {identical ? 'The same file' : 'Near-copies'}
          {size > images.length && `, ${size.toLocaleString('en')} in all, of which these are decided about`}
        </p>
        <div class="row">
          <button type="button" onClick={() => decisions.decide({ ...about, decision: 'not-copies' })}>
            Not copies
          </button>
          <button type="button" class="quiet" onClick={() => decisions.decide({ ...about, decision: 'dismissed' })}>
            Copies that may stay
          </button>
        </div>
      </div>
    </li>
  )
}

/** Findings to review: near-copies that disagree, labels that the neighbours contradict, hubs and outliers. */
import type { Job } from '../api/follow-job.js'
import type { Schemas } from '../api/service.js'
import { picturesText } from '../controls/counts.js'
import { Needs } from '../controls/needs.js'
import { AnalysisHead } from './analysis-head.js'
import { ConflictFinding, conflictFinding } from './conflict-finding.js'
import { DecidedLine } from './decided-line.js'
import { DoubtFinding, doubtFinding } from './doubt-finding.js'
import { FindingImage, FindingList } from './finding.js'
import { useAnalysis } from './use-analysis.js'
import { useDecisions } from './use-decisions.js'

export function DoctorView({ gallery }: { gallery: string }) {
  const analysis = useAnalysis(gallery, 'doctor')
  const { job, result } = analysis
  return (
    <section class="stack" aria-label="Labels">
      <AnalysisHead
        kind="doctor"
        analysis={analysis}
        question="Are the labels right?"
        action="Look for wrong labels"
        promise="Finds near-copies with different labels, labels that the neighbours contradict, pictures that appear in many results, and pictures unlike all others."
      />
      {job && result && <Findings gallery={gallery} job={job} diagnosis={result} />}
    </section>
  )
}

interface FindingsProps {
  gallery: string
  job: Job
  diagnosis: Schemas['Diagnosis']
}

type LabelFindingsProps = Omit<FindingsProps, 'diagnosis'> & Pick<Schemas['Diagnosis'], 'conflicts' | 'doubts'>

function LabelFindings({ gallery, job, conflicts, doubts }: LabelFindingsProps) {
  const decisions = useDecisions(gallery, job, [
    ...conflicts.groups.map(conflictFinding),
    ...doubts.images.map(doubtFinding),
  ])
  const groups = conflicts.groups.filter((group) => !decisions.isDecided(conflictFinding(group)))
  const images = doubts.images.filter((doubt) => !decisions.isDecided(doubtFinding(doubt)))
  const [groupsDecided, imagesDecided] = [conflicts.groups.length - groups.length, doubts.images.length - images.length]
  const decided = groupsDecided + imagesDecided
  return (
    <>
      <DecidedLine decisions={decisions}>
        {decided > 0 && `${decided} decided. They will not be shown again.`}
      </DecidedLine>
      {!decisions.isLoading && (
        <Needs to="write">
          <FindingList
            title="Near-copies with different labels"
            count={conflicts.count - groupsDecided}
            listed={groups.length}
          >
            {groups.map((group) => (
              <ConflictFinding key={group.images[0]?.id} gallery={gallery} group={group} decisions={decisions} />
            ))}
          </FindingList>
          <FindingList title="Labels in doubt" count={doubts.count - imagesDecided} listed={images.length}>
            {images.map((doubt) => (
              <DoubtFinding key={doubt.id} gallery={gallery} doubt={doubt} decisions={decisions} />
            ))}
          </FindingList>
        </Needs>
      )}
    </>
  )
}

function Findings({ gallery, job, diagnosis }: FindingsProps) {
  const { conflicts, doubts, hubs, outliers } = diagnosis
  return (
    <>
      <LabelFindings gallery={gallery} job={job} conflicts={conflicts} doubts={doubts} />
      <FindingList title="Pictures that appear in many results" count={hubs.count} listed={hubs.images.length} small>
        {hubs.images.map(({ id, label, occurrences, otherLabelShare }) => (
          <li key={id} class="finding">
            <FindingImage
              gallery={gallery}
              id={id}
              label={label}
              note={`among the best ${hubs.k} of ${picturesText(occurrences)}, ${Math.round(otherLabelShare * 100)} % with other labels`}
            />
          </li>
        ))}
      </FindingList>
      <FindingList title="Pictures unlike all others" count={outliers.count} listed={outliers.images.length} small>
        {outliers.images.map(({ id, label, score, nearestId }) => (
          <li key={id} class="finding">
            <FindingImage gallery={gallery} id={id} label={label} note={`its nearest scores ${score.toFixed(3)}`} />
            <FindingImage gallery={gallery} id={nearestId} label="its nearest" />
          </li>
        ))}
      </FindingList>
    </>
  )
}

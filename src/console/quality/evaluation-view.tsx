/** The evaluation: numbers with their intervals, labels, the index, confusions, and the worst queries. */
import type { Schemas } from '../api/service.js'
import { countText } from '../controls/counts.js'
import { Notice } from '../controls/notice.js'
import { Plot } from '../plots/plot.js'
import { AnalysisHead } from './analysis-head.js'
import { ConfusionTable } from './confusion-table.js'
import { JudgedTable } from './judged-table.js'
import { NumbersTable } from './numbers-table.js'
import { useAnalysis } from './use-analysis.js'
import { WorstQueries } from './worst-queries.js'

type Evaluation = Schemas['Evaluation']
const labelsShown = 40

export function EvaluationView({ gallery }: { gallery: string }) {
  const analysis = useAnalysis(gallery, 'evaluate')
  const { result } = analysis
  return (
    <section class="stack" aria-label="Answers">
      <AnalysisHead
        kind="evaluate"
        analysis={analysis}
        question="How good are the answers?"
        action="Evaluate"
        promise="Each labelled picture queries all others: how often do the hits have the same label?"
      />
      {result !== undefined && <Report gallery={gallery} evaluation={result} />}
    </section>
  )
}

function Report({ gallery, evaluation: { quality, index } }: { gallery: string; evaluation: Evaluation }) {
  const { queries, pictures, labelled, queriesWithoutRelevant, expand } = quality
  return (
    <>
      <p>
        {queries === 1 ? '1 query' : `${queries.toLocaleString('en')} queries`}, from{' '}
        {countText(labelled, 'labelled picture')} of {pictures.toLocaleString('en')} in all
        {expand !== undefined && `, each expanded by its ${countText(expand, 'best hit')}`}
        {queriesWithoutRelevant > 0 && `; ${aloneText(queriesWithoutRelevant)}`}.
      </p>
      {queries > 0 ? (
        <NumbersTable quality={quality} />
      ) : (
        <Notice>
          There is nothing to measure yet: at least two pictures need the same label. Folders that are dropped on the
          Gallery screen become labels, and pictures chosen there can be labelled.
        </Notice>
      )}
      {quality.judged !== undefined && <JudgedTable judged={quality.judged} />}
      <div class="plots">
        {queries > 0 && <LabelPlot perLabel={quality.perLabel} />}
        {index.atEf.length > 0 && (
          <Plot
            title="Recall of the index against exact search"
            x={index.atEf.map(({ ef }) => ef)}
            axis={{ kind: 'numbers', label: 'ef, the effort of a search', log: true }}
            series={[{ label: 'recall', values: index.atEf.map(({ recall }) => recall), as: 'line' }]}
            range={[0, 1.02]}
            height={260}
          />
        )}
      </div>
      {queries > 0 && <ConfusionTable quality={quality} />}
      <WorstQueries gallery={gallery} worst={quality.worst ?? []} />
    </>
  )
}

function aloneText(count: number): string {
  return count === 1
    ? '1 is the only picture with its label and is left out'
    : `${count.toLocaleString('en')} are the only pictures with their labels and are left out`
}

function LabelPlot({ perLabel }: Pick<Evaluation['quality'], 'perLabel'>) {
  const labels = perLabel.slice(0, labelsShown)
  const valuesOf = (name: string) => labels.map((one) => numberOf(one[name]))
  return (
    <Plot
      title="By label"
      x={labels.map((_, place) => place)}
      axis={{ kind: 'names', names: labels.map(({ label }) => label) }}
      series={[
        { label: 'mAP@10', values: valuesOf('mAP@10'), as: 'bars' },
        { label: 'recall@1', values: valuesOf('recall@1'), as: 'points' },
      ]}
      range={[0, 1]}
      height={260}
    />
  )
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** One network: its description, its runtime and its measured quality. */

import type { Schemas } from '../api/service.js'
import { countText } from '../controls/counts.js'
import { dateText } from '../controls/dates.js'
import { Plot } from '../plots/plot.js'
import { numberName } from '../quality/number-names.js'
import { ModelPage } from './model-page.js'
import { readQuality } from './model-quality.js'

type Card = Schemas['ModelCard']

export function NetworkCard({ card }: { card: Card }) {
  const { numbers, labels, reliability } = readQuality(card.quality)
  return (
    <article class="network stack">
      <header class="row">
        <h2>
          <bdi>{card.name}</bdi>
        </h2>
        <span class="hint mono">{card.id}</span>
        {card.quality !== null && <ModelPage model={card.id} />}
      </header>
      <Facts card={card} />
      <div class="plots">
        {numbers.length > 0 && (
          <Plot
            title="On test pictures, with 95 % intervals"
            x={numbers.map((_, place) => place)}
            axis={{ kind: 'names', names: numbers.map(({ name }) => numberName(name)) }}
            series={[
              {
                label: 'value',
                values: numbers.map(({ value }) => value),
                intervals: numbers.map(({ low, high }) =>
                  low === undefined || high === undefined ? null : [low, high],
                ),
                as: 'bars',
              },
            ]}
            range={[0, 1]}
            height={260}
          />
        )}
        {labels.length > 0 && (
          <Plot
            title="mAP@10 by label"
            x={labels.map((_, place) => place)}
            axis={{ kind: 'names', names: labels.map(({ label }) => label) }}
            series={[{ label: 'mAP@10', values: labels.map(({ value }) => value), as: 'bars' }]}
            range={[0, 1]}
            height={260}
          />
        )}
        {reliability.length > 1 && (
          <Plot
            title="Calibration: predicted and observed"
            x={reliability.map(({ stated }) => stated)}
            axis={{ kind: 'numbers', label: 'predicted' }}
            series={[
              { label: 'observed', values: reliability.map(({ found }) => found), as: 'line' },
              { label: 'ideal', values: reliability.map(({ stated }) => stated), as: 'line' },
            ]}
            range={[0, 1]}
            height={260}
          />
        )}
      </div>
    </article>
  )
}

function Facts({
  card: { architecture, embeddingDimension, labels, createdAt, runtime, calibration, quality },
}: {
  card: Card
}) {
  const { accuracy, rocAuc, embedMs, cpu, calibrationError } = readQuality(quality)
  const facts: [string, string | undefined][] = [
    ['Architecture', architecture],
    ['Embedding', `${embeddingDimension} numbers`],
    // an imported network states none
    ['Trained on', labels.length === 0 ? undefined : countText(labels.length, 'label')],
    ['Created', dateText(createdAt)],
    ['Runs on', runsOn(runtime)],
    ['Calibrated', calibration === null ? 'no' : calibration.reliable ? 'yes' : 'yes, on few pairs'],
    ['Calibration error', calibrationError?.toFixed(4)],
    ['Classification accuracy', accuracy?.toFixed(3)],
    ['ROC-AUC of pairs', rocAuc?.toFixed(3)],
    ['One picture', embedMs === undefined ? undefined : `${embedMs.toFixed(0)} ms on ${cpu ?? 'a CPU'}`],
  ]
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ),
      )}
    </dl>
  )
}

function runsOn(runtime: Card['runtime']): string {
  if (runtime === null) return 'not in memory: opened when it is needed'
  const { provider, precision, fallbackReason } = runtime
  return `${provider}, ${precision}${fallbackReason === undefined ? '' : ` (${fallbackReason})`}`
}

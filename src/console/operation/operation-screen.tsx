/** The service at work: live values of `/metrics`, and its jobs. */
import { may } from '../api/caller.js'
import { Needs } from '../controls/needs.js'
import { Fault, Notice } from '../controls/notice.js'
import { JobTable } from '../jobs/job-table.js'
import { Plot } from '../plots/plot.js'
import { AllMetrics } from './all-metrics.js'
import { linesOf, type Reading, type Source } from './history.js'
import { RuntimeFacts } from './runtime-facts.js'
import { StageTable } from './stage-table.js'
import { useMetrics } from './use-metrics.js'
import '../styles/operation.css'

const megabytes = 1 / 1024 ** 2
const plots: { title: string; sources: Source[] }[] = [
  {
    title: 'Per second',
    sources: [
      { name: 'searches', metric: 'alike_searches_total', as: 'rate' },
      { name: 'pictures ingested', metric: 'alike_ingest_images_total', as: 'rate' },
      { name: 'requests', metric: 'alike_http_requests_total', as: 'rate' },
      { name: 'refusals', metric: 'alike_refusals_total', as: 'rate' },
    ],
  },
  {
    title: 'Waiting',
    sources: [
      { name: 'to be decoded', metric: 'alike_decode_queue_depth', as: 'value' },
      { name: 'for the network', metric: 'alike_embed_queue_depth', as: 'value' },
      { name: 'for the graph', metric: 'alike_index_queue_depth', as: 'value' },
      { name: 'to be written', metric: 'alike_write_queue_depth', as: 'value' },
    ],
  },
  {
    title: 'Memory, MB',
    sources: [
      { name: 'process', metric: 'process_resident_memory_bytes', as: 'value', scale: megabytes },
      { name: 'JavaScript heap', metric: 'nodejs_heap_size_used_bytes', as: 'value', scale: megabytes },
      { name: 'bodies', metric: 'alike_body_memory_bytes', as: 'value', scale: megabytes },
      { name: 'GPUs', metric: 'alike_gpu_memory_used_bytes', as: 'value', scale: megabytes },
    ],
  },
  {
    title: 'CPU cores in use',
    sources: [{ name: 'processors', metric: 'process_cpu_seconds_total', as: 'rate' }],
  },
]

/** Metrics cover all galleries. */
const metricsNeed = ['metrics', 'every gallery'] as const

export function OperationScreen({ gallery }: { gallery: string }) {
  const { history, error, elsewhere } = useMetrics(may(metricsNeed))
  const last = history.at(-1)
  return (
    <div class="stack">
      <h1>Operation</h1>
      {error !== undefined && <Fault error={error} />}
      {last !== undefined && <RuntimeFacts metrics={last.metrics} />}
      <Needs to={metricsNeed} otherwise="reason">
        {elsewhere ? (
          <Notice>
            The metrics of this service have a port of their own (<code>METRICS_PORT</code>), which a page cannot read:
            look at them in Prometheus. Its jobs are here.
          </Notice>
        ) : (
          <div class="plots">
            {plots.map(({ title, sources }) => (
              <LivePlot key={title} title={title} sources={sources} history={history} />
            ))}
          </div>
        )}
      </Needs>
      <div class="tables">
        <Needs to="read" otherwise="reason">
          <JobTable gallery={may('every gallery') ? undefined : gallery} />
        </Needs>
        {last !== undefined && (
          <StageTable now={last.metrics} before={history[0]!.metrics} since={last.at - history[0]!.at} />
        )}
      </div>
      {last !== undefined && <AllMetrics metrics={last.metrics} />}
    </div>
  )
}

function LivePlot({ title, sources, history }: { title: string; sources: Source[]; history: Reading[] }) {
  const { at, lines } = linesOf(history, sources)
  const series = lines.map(({ name, values }) => ({ label: name, values, as: 'line' as const }))
  return <Plot title={title} x={at} series={series} axis={{ kind: 'time' }} />
}

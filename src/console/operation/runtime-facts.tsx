/** What runs the network, whether it is as configured, and what the process holds. */
import { durationText } from '../controls/durations.js'
import { type MetricsReading, samplesOf, sumOf } from './metrics-text.js'

export function RuntimeFacts({ metrics }: { metrics: MetricsReading }) {
  const [runtime] = samplesOf(metrics, 'alike_runtime_info')
  const [golden] = samplesOf(metrics, 'alike_golden_min_cosine')
  const { model = '–', provider = '–', precision = '–', ort_version: version = '–' } = runtime?.labels ?? {}
  const hasFallenBack = sumOf(metrics, 'alike_cuda_fallback') === 1
  const uptimeSeconds = Date.now() / 1_000 - sumOf(metrics, 'process_start_time_seconds')
  const facts: [string, string, boolean?][] = [
    ['Network', model],
    ['Runs on', `${provider}, ${precision}${hasFallenBack ? ', although CUDA was expected' : ''}`, hasFallenBack],
    ['ONNX Runtime', version],
    ['Golden pictures', golden === undefined ? '–' : `cosine ≥ ${golden.value.toFixed(4)}`],
    [
      'Workers',
      `${sumOf(metrics, 'alike_embed_workers')} network, ${sumOf(metrics, 'alike_decoder_processes')} decoder`,
    ],
    ['Pictures', sumOf(metrics, 'alike_gallery_images').toLocaleString('en')],
    ['Memory', `${(sumOf(metrics, 'process_resident_memory_bytes') / 1024 ** 2).toFixed(0)} MB`],
    ['Up for', durationText(uptimeSeconds)],
    [
      'Storage',
      sumOf(metrics, 'alike_storage_read_only') === 1 ? 'full: read only' : 'writable',
      sumOf(metrics, 'alike_storage_read_only') === 1,
    ],
  ]
  return (
    <dl class="facts">
      {facts.map(([name, value, bad = false]) => (
        <div key={name} class={bad ? 'fact-bad' : undefined}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  )
}

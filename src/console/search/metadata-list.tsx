/** A picture's metadata, one line per value. */

const linesMax = 12

export function MetadataList({ metadata }: { metadata: Record<string, unknown> }) {
  const lines = linesOf(metadata)
  if (lines.length === 0) return null
  return (
    <dl class="metadata">
      {lines.slice(0, linesMax).map(([name, value]) => (
        <div key={name}>
          <dt>
            <bdi>{name}</bdi>
          </dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
      {lines.length > linesMax && <div>and {lines.length - linesMax} more</div>}
    </dl>
  )
}

function linesOf(value: unknown, name = ''): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]]
  if (Array.isArray(value)) return value.length === 0 ? [] : [[name, value.map(text).join(', ')]]
  return Object.entries(value).flatMap(([key, inner]) => linesOf(inner, name === '' ? key : `${name}.${key}`))
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

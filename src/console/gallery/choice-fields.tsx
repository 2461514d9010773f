/** Fields for what a gallery keeps and where it is stored. */
import type { Originals, RuleChoices, StorageChoices } from './gallery-choices.js'
import type { GalleryOptions } from './load-gallery-options.js'

export interface FieldsProps<Choices> {
  choices: Choices
  onChange: (change: Partial<Choices>) => void
  /** Undefined until loaded. */
  options: GalleryOptions | undefined
}

const originalsTexts: Record<Originals, string> = {
  keep: 'are stored',
  reference: 'stay where they are',
  none: 'are not stored',
}

const originalsMeanings: Record<Originals, string> = {
  keep: 'Pictures can be viewed in full, and the gallery can change its network.',
  reference:
    'They are read where they are whenever they are needed. Only pictures from URLs, buckets and watched folders can be added: files uploaded from this page are refused.',
  none: 'Pictures can be viewed as thumbnails only, and the gallery cannot change its network.',
}

/** @param standard whether the service's default can be chosen */
export function RuleFields({ choices, onChange, options, standard }: FieldsProps<RuleChoices> & { standard: boolean }) {
  const originals = choices.originals === '' ? options?.originals : choices.originals
  return (
    <>
      <label class="field">
        <span>Originals</span>
        <select
          value={choices.originals}
          onChange={({ currentTarget }) => onChange({ originals: currentTarget.value as Originals })}
        >
          {standard && <option value="">service default{options && ` (${originalsTexts[options.originals]})`}</option>}
          {Object.entries(originalsTexts).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {originals !== undefined && <p class="hint">{originalsMeanings[originals]}</p>}
      <WholeNumberField
        name="Query pictures kept"
        max={10_000}
        placeholder="0"
        value={choices.keepQueries}
        onValue={(keepQueries) => onChange({ keepQueries })}
      />
      <p class="hint">
        This many of the latest distinct query pictures are stored, to judge the next network on them. Each is deleted{' '}
        {daysOf(options?.keptQueriesDays)} after its last use, when as many newer ones exist, when this number is
        lowered, and with the gallery. Nothing returns them. Query pictures often show people: enable this only where
        callers may expect it.
      </p>
      <WholeNumberField
        name="Maximum number of pictures"
        max={4_000_000_000}
        placeholder="no limit"
        value={choices.maxImages}
        onValue={(maxImages) => onChange({ maxImages })}
      />
      <p class="hint">
        New pictures beyond this number are refused. Stored ones stay, and can always be replaced, changed and deleted.
      </p>
    </>
  )
}

interface WholeNumberProps {
  name: string
  min?: number
  max: number
  placeholder: string
  value: string
  onValue: (value: string) => void
}

/** Takes digits only: a number field alone takes `10.000`, ten thousand in many countries, for ten. */
function WholeNumberField({ name, min = 0, onValue, ...rest }: WholeNumberProps) {
  return (
    <label class="field">
      <span>{name}</span>
      <input
        type="number"
        min={min}
        step={1}
        {...rest}
        onInput={({ currentTarget }) => {
          const { value } = currentTarget
          currentTarget.setCustomValidity(/^\d*$/.test(value) ? '' : 'Enter a whole number, in digits only.')
          onValue(value)
        }}
      />
    </label>
  )
}

/** @param without engines that cannot be chosen */
export function StorageFields({
  choices,
  onChange,
  options,
  without = [],
}: FieldsProps<StorageChoices> & { without?: readonly string[] }) {
  const engines = options?.engines.filter(({ name }) => !without.includes(name)) ?? []
  return (
    <>
      <label class="field">
        <span>Engine</span>
        <select value={choices.engine} onChange={({ currentTarget: { value } }) => onChange(engineOf(value, engines))}>
          {without.length === 0 && <option value="">service default{options && ` (${options.engine})`}</option>}
          {engines.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {choices.distributed && <ClusterFields choices={choices} onChange={onChange} />}
    </>
  )
}

function ClusterFields({ choices, onChange }: Omit<FieldsProps<StorageChoices>, 'options'>) {
  return (
    <>
      {(['shards', 'replicas'] as const).map((name) => (
        <WholeNumberField
          key={name}
          name={name === 'shards' ? 'Shards' : 'Replicas'}
          min={1}
          max={name === 'shards' ? 256 : 16}
          placeholder="service default"
          value={choices[name]}
          onValue={(value) => onChange({ [name]: value })}
        />
      ))}
      <label class="field">
        <span>Quantisation</span>
        <select
          value={choices.quantisation}
          onChange={({ currentTarget }) =>
            onChange({ quantisation: currentTarget.value as StorageChoices['quantisation'] })
          }
        >
          <option value="">service default</option>
          <option value="none">none</option>
          <option value="rq8">8 bits a dimension (rq8)</option>
        </select>
      </label>
    </>
  )
}

function daysOf(days: number | undefined): string {
  if (days === undefined) return 'some days'
  return days === 1 ? 'a day' : `${days.toLocaleString('en')} days`
}

export function engineOf(
  name: string,
  engines: GalleryOptions['engines'],
): Pick<StorageChoices, 'engine' | 'distributed'> {
  return { engine: name, distributed: engines.find((one) => one.name === name)?.distributed === true }
}

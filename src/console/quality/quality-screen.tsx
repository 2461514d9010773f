/** The quality of results on the gallery's own labels, and problems of the gallery as a work list. */
import { goTo, route } from '../routing/route.js'
import { CopiesView } from './copies-view.js'
import { DoctorView } from './doctor-view.js'
import { EvaluationView } from './evaluation-view.js'
import '../styles/quality.css'
import '../styles/operation.css'

const views = [
  ['answers', 'Answers'],
  ['labels', 'Labels'],
  ['copies', 'Copies'],
] as const

export function QualityScreen({ gallery }: { gallery: string }) {
  const view = route.value.settings.get('view') ?? 'answers'
  return (
    <div class="stack">
      <h1 class="unseen">Quality</h1>
      <nav class="row views" aria-label="What to look at">
        {views.map(([name, title]) => (
          <button
            key={name}
            type="button"
            class="quiet"
            aria-pressed={view === name}
            onClick={() => goTo('quality', { view: name })}
          >
            {title}
          </button>
        ))}
      </nav>
      {view === 'labels' ? (
        <DoctorView gallery={gallery} />
      ) : view === 'copies' ? (
        <CopiesView gallery={gallery} />
      ) : (
        <EvaluationView gallery={gallery} />
      )}
    </div>
  )
}

/** Renders a chart specification as SVG, without a browser. The only importer of vega. */
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

const width = 420

/** The same specification always gives the same SVG. */
export async function renderPlot(spec: TopLevelSpec): Promise<string> {
  // the card's text serves screen readers; labels on every mark would triple the file
  const view = new View(
    parse(compile({ width, background: 'white', ...spec, config: { aria: false } } as TopLevelSpec).spec),
    { renderer: 'none' },
  )
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}

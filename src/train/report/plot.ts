/** A chart's description → SVG, without a browser. The only importer of vega. */
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

const width = 420

/** The same description gives the same SVG. */
export async function renderPlot(spec: TopLevelSpec): Promise<string> {
  // the card has the words for those who do not see; labels of every single mark would triple the file
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

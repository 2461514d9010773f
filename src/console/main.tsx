/** The console: the page served at the root of the service. */
import { render } from 'preact'
import './styles/tokens.css'
import './styles/base.css'
import './styles/controls.css'
import './styles/shell.css'
import './styles/search.css'
import './styles/hits.css'
import './styles/touch.css'
import { Console } from './shell/console.js'
import { keepFocus } from './shell/kept-focus.js'
import { refuseStrayDrops } from './shell/stray-drops.js'

refuseStrayDrops()
keepFocus()
render(<Console />, document.getElementById('console')!)

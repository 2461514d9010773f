/** Asks for the API key when the service requires one. */
import { useState } from 'preact/hooks'
import { declineKey, keyLack, keyWanted, useKey } from '../api/key.js'
import { Dialog } from './dialog.js'

export function KeyDialog() {
  // a key that was typed is forgotten with its question
  return keyWanted.value ? <KeyQuestion /> : null
}

function KeyQuestion() {
  const [key, setKey] = useState('')
  const submit = (event: Event) => {
    event.preventDefault()
    useKey(key.trim())
  }
  return (
    <Dialog title="API key" onClose={declineKey}>
      <form onSubmit={submit} class="stack">
        <p>{keyLack()} It is kept until this tab is closed, and sent to this service only.</p>
        <label class="field">
          <span>Key</span>
          <input
            type="password"
            autocomplete="off"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Use this key
        </button>
      </form>
    </Dialog>
  )
}

/** What the reference page sends with its default values, as Swagger UI fills them in. */
import type { InjectOptions } from 'fastify'
import { type FormPart, formBody, formHeaders } from './forms.js'

export interface ReferenceDocument {
  paths: Record<string, Record<string, ReferenceOperation>>
}

export interface ReferenceOperation {
  operationId: string
  parameters?: { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Field; example?: unknown }[]
  requestBody?: { required: boolean; content: Record<string, MediaType> }
}

interface MediaType {
  schema: Field & { properties?: Record<string, Field> }
  example?: unknown
  examples?: Record<string, { value: unknown }>
}

interface Field {
  type?: string
  format?: string
  default?: unknown
  example?: unknown
  examples?: unknown[]
  items?: Field
}

/** What the user adds: names of existing things, and files by content type. */
export interface Brought {
  path: Readonly<Record<string, string>>
  files: Readonly<Record<string, Buffer>>
}

export interface Prefilled {
  name: string
  request: InjectOptions
}

/** One request per content type of an operation, and per example. */
export function prefilled(method: string, path: string, operation: ReferenceOperation, brought: Brought): Prefilled[] {
  const { requestBody, parameters = [], operationId } = operation
  const query = new URLSearchParams()
  let url = path
  for (const { name, in: place, schema, example = schema.example ?? schema.default } of parameters) {
    if (place === 'path')
      url = url.replace(`{${name}}`, encodeURIComponent(textOf(brought.path[name] ?? example ?? '')))
    if (place === 'query') for (const one of [example ?? []].flat()) query.append(name, textOf(one))
  }
  const to = (body: Omit<InjectOptions, 'method' | 'url'>): InjectOptions => ({
    ...body,
    method: method.toUpperCase() as 'GET',
    url: query.size === 0 ? url : `${url}?${query}`,
  })
  const bodies = Object.entries(requestBody?.content ?? {}).flatMap(([type, media]) => bodiesOf(type, media, brought))
  // if a picture comes first, a user selects one
  if (requestBody?.required !== true && requestBody?.content['image/*'] === undefined)
    bodies.unshift({ name: 'no body', request: {} })
  return bodies.map(({ name, request }) => ({ name: `${operationId}, ${name}`, request: to(request) }))
}

function bodiesOf(type: string, { schema, example, examples }: MediaType, { files }: Brought): Prefilled[] {
  if (type === 'multipart/form-data')
    return [{ name: type, request: { payload: formOf(schema.properties ?? {}, files), headers: formHeaders } }]
  const file = files[type]
  // `image/*` is sent literally
  if (file !== undefined) return [{ name: type, request: { payload: file, headers: { 'content-type': type } } }]
  const values = examples === undefined ? [example] : Object.values(examples).map(({ value }) => value)
  return values.map((value, index) => {
    if (value === undefined) throw new Error(`${type} has no example, so the page makes one up`)
    return {
      name: `${type} ${index + 1}`,
      request: { payload: textOf(value), headers: { 'content-type': type } },
    }
  })
}

function formOf(properties: Record<string, Field>, files: Brought['files']): Buffer {
  const file = (name: string, type = 'image/*') => ({ name, filename: 'cycling.jpg', content: files[type]! })
  return formBody(
    Object.entries(properties).flatMap(([name, field]): FormPart[] => {
      if (field.format === 'binary') return [file(name, name === 'archive' ? 'application/x-tar' : 'image/*')]
      if (field.items?.format === 'binary') return [file(name), file(name)]
      const value = field.example ?? field.examples?.[0] ?? field.default
      if (value === undefined) throw new Error(`the field ${name} has no example, so the page makes one up`)
      return [value].flat().flatMap((one) => (one === '' ? [] : [{ name, content: textOf(one) }]))
    }),
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

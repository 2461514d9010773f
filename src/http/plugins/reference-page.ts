/** `/docs`: the reference as a page on which every operation can be tried as prefilled. */
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** Two identical pictures, one after the other. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect x="9" y="3" width="20" height="20" rx="5" fill="#9fd0c2"/><circle cx="22" cy="10" r="4" fill="#fff" fill-opacity=".8"/>
<rect x="3" y="9" width="20" height="20" rx="5" fill="#2f7d68"/><circle cx="16" cy="16" r="4" fill="#fff"/></svg>
`

export async function serveReferencePage(app: FastifyInstance, { basePath }: { basePath: string }): Promise<void> {
  let described: Buffer | undefined
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: basePath,
    uiConfig: { deepLinking: true, tryItOutEnabled: true },
    logo: { type: 'image/svg+xml', content: icon, href: `${basePath}/docs` },
    theme: {
      title: 'Alike API reference',
      favicon: [{ filename: 'alike.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: icon }],
    },
    uiHooks: {
      // its own routes write the contract for each request, which takes as long as many searches, and are open to everyone
      onRequest: ({ routeOptions: { url } }, reply, done) => {
        if (url === '/docs/yaml') return void reply.redirect('/openapi.yaml')
        if (url !== '/docs/json') return done()
        described ??= Buffer.from(JSON.stringify(withEmptyFields(structuredClone(app.swagger() as Described))))
        reply.type('application/json; charset=utf-8').send(described)
      },
    },
  })
}

interface Described {
  paths?: Record<string, Record<string, Operation>>
}

interface Operation {
  requestBody?: { content: Record<string, { schema: { properties?: Record<string, Field> } }> }
}

interface Field {
  type?: string
  format?: string
  example?: unknown
  examples?: unknown[]
  default?: unknown
}

/** The page would make up a value for each form field without an example and send it; an empty one is not sent. */
function withEmptyFields(document: Described): Described {
  const operations = Object.values(document.paths ?? {}).flatMap((methods) => Object.values(methods))
  for (const { requestBody } of operations) {
    const { properties = {} } = requestBody?.content['multipart/form-data']?.schema ?? {}
    for (const field of Object.values(properties)) {
      const isFile = field.format === 'binary'
      const isShown = field.example !== undefined || field.examples !== undefined || field.default !== undefined
      if (!isFile && !isShown) field.example = field.type === 'array' ? [] : ''
    }
  }
  return document
}

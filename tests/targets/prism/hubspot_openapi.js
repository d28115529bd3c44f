// Writes an OpenAPI 3.0 document of HubSpot's batches and searches of CRM objects (contacts, orders, ...), as its own npm client (Apache-2.0) has them: each
// request factory is run against a server that only notes the path, the method and the type of the body, each response processor against answers
// that it may expect. Types come from the models' tables, and from their declarations what must be there and what an enumeration holds.
//
//     node hubspot_openapi.js FOLDER_OF_CLIENT > openapi.json
'use strict'
const fs = require('fs')
const path = require('path')

const client = path.resolve(process.argv[2])
const objects = path.join(client, 'lib', 'codegen', 'crm', 'objects')
const { ObjectSerializer } = require(path.join(objects, 'models', 'ObjectSerializer.js'))
const http = require(path.join(objects, 'http', 'http.js'))
const schemas = {}

function declarations(model) {
  return fs.readFileSync(path.join(objects, 'models', model + '.d.ts'), 'utf8')
}

/** The values of an enumeration that the model's declarations have. */
function enumeration(name, model) {
  const found = declarations(model).match(new RegExp(`enum ${name} \\{([^}]*)\\}`))
  if (!found) throw new Error(`${model} has a type ${name}, which is neither a model nor an enumeration`)
  return [...found[1].matchAll(/= "([^"]*)"/g)].map(one => one[1])
}

function schemaOf(type, format, model) {
  if (type.endsWith(' | null')) return { ...schemaOf(type.slice(0, -' | null'.length), format, model), nullable: true }
  const list = type.match(/^(?:Array|Set)<(.*)>$/)
  if (list) return { type: 'array', items: schemaOf(list[1], format, model) }
  const map = type.match(/^\{ \[key: string\]: (.*); \}$/)
  if (map) return { type: 'object', additionalProperties: schemaOf(map[1], format, model) }
  if (type === 'any') return {}
  if (type === 'Date') return { type: 'string', format: 'date-time' }
  if (['string', 'number', 'boolean'].includes(type)) return format ? { type, format } : { type }
  if (!fs.existsSync(path.join(objects, 'models', type + '.js'))) return { type: 'string', enum: enumeration(type, model) }
  addModel(type)
  return { $ref: '#/components/schemas/' + type }
}

function addModel(name) {
  if (schemas[name]) return
  const schema = schemas[name] = { type: 'object', properties: {}, required: [], additionalProperties: false }
  const text = declarations(name)
  for (const member of require(path.join(objects, 'models', name + '.js'))[name].attributeTypeMap) {
    schema.properties[member.baseName] = schemaOf(member.type, member.format, name)
    if (!text.includes(`'${member.name}'?:`)) schema.required.push(member.baseName)
  }
  if (schema.required.length === 0) delete schema.required
}

const asJson = type => ({ 'application/json': { schema: schemaOf(type, '', '') } })

/** What a factory's method sends: {path, method, parameters, body}. */
async function request(factory, method) {
  const seen = {}
  const notes = { setHeaderParam() {}, setBody() {}, setQueryParam() {}, appendQueryParam() {} }
  factory.configuration = { baseServer: { makeRequestContext: (at, how) => (Object.assign(seen, { path: decodeURIComponent(at), method: how }), notes) }, authMethods: {} }
  const { serialize, stringify } = ObjectSerializer
  ObjectSerializer.serialize = (data, type) => { seen.body = type; return data }
  ObjectSerializer.stringify = () => ''
  try {
    // A name for each argument: those of the path come back in it.
    const names = factory[method].toString().match(/^\w+\(([^)]*)\)/)[1].split(',').map(one => one.trim()).filter(one => one !== '_options')
    await factory[method](...names.map(one => `{${one}}`))
  } finally {
    Object.assign(ObjectSerializer, { serialize, stringify })
  }
  seen.parameters = [...seen.path.matchAll(/\{(\w+)\}/g)].map(one => one[1])
  return seen
}

/** The type of the body of each answer that a processor expects by its number. */
async function responses(processor, method) {
  const out = {}
  const { deserialize, parse } = ObjectSerializer
  for (const status of [200, 201, 204, 207]) {
    let type
    ObjectSerializer.deserialize = (data, said) => { type = type || said }
    ObjectSerializer.parse = () => ({})
    try {
      await processor[method + 'WithHttpInfo']({ httpStatusCode: status, headers: { 'content-type': 'application/json' }, body: { text: async () => '{}' } })
    } catch (error) {
      type = 'void'
    } finally {
      Object.assign(ObjectSerializer, { deserialize, parse })
    }
    // `void` and a union are what it makes of a number that it does not know.
    if (type === undefined) out[status] = { description: 'no content' }
    else if (type !== 'void' && !type.includes(' | ')) out[status] = { description: type, content: asJson(type) }
  }
  return out
}

async function main() {
  const paths = {}
  for (const api of ['BatchApi', 'SearchApi']) {
    const module = require(path.join(objects, 'apis', api + '.js'))
    const factory = new module[api + 'RequestFactory']({})
    const processor = new module[api + 'ResponseProcessor']()
    for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(factory)).filter(name => name !== 'constructor')) {
      const sent = await request(factory, method)
      const answers = await responses(processor, method)
      answers.default = { description: 'an error', content: asJson('ModelError') }
      for (const status of [401, 429]) answers[status] = answers.default
      const operation = { operationId: api + '.' + method, security: [{ token: [] }], responses: answers,
        parameters: sent.parameters.map(name => ({ name, in: 'path', required: true, schema: { type: 'string' } })) }
      if (sent.body) operation.requestBody = { required: true, content: asJson(sent.body) }
      paths[sent.path] = { ...paths[sent.path], [sent.method.toLowerCase()]: operation }
    }
  }
  const { version } = JSON.parse(fs.readFileSync(path.join(client, 'package.json'), 'utf8'))
  process.stdout.write(JSON.stringify({ openapi: '3.0.3', info: { title: 'HubSpot CRM objects, as @hubspot/api-client has them', version }, paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas } }, null, 1))
}

main().catch(error => { console.error(error); process.exit(1) })

/** The file as a JSON Schema (2020-12), for editors. Made from the same definitions that read the file. */

import * as z from 'zod'
import { fileSchema } from './schema.ts'

/** @returns a fresh object; `unit`, `effect` and `applies` beside `description` and `default` are annotations */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema: node }) => {
      const { default: value, expected, ...facts } = z.globalRegistry.get(zodSchema) as Record<string, unknown> | undefined ?? {}
      delete node['expected']
      delete node['shown']
      // A default is in milliseconds or bytes once read; the file's own form is not always that.
      if (value !== undefined && expected !== undefined && facts['unit'] === undefined) node.default = value
    },
  })
  return { ...schema, $id: 'chaperone.schema.json', title: 'Configuration of Chaperone' }
}

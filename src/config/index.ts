/** The door of config/: reading, checking, explaining and translating configuration files. */

export { type Config } from './config.ts'
export { formatProblem, type ConfigErrors } from './config-problem.ts'
export { diffConfig, formatRestart } from './diff-config.ts'
export { explainConfig, type ExplainedSetting } from './explain-config.ts'
export { importPipelock } from './import-pipelock.ts'
export { initialConfigText } from './initial-config.ts'
export { jsonSchema } from './json-schema.ts'
export { listKeys, type ConfigKey } from './keys.ts'
export { isConfigErrors, loadConfig, parseConfig } from './load-config.ts'
export { watchConfigFile } from './watch-config.ts'

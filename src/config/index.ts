/** The door of config/: reading, checking, explaining and translating configuration files. */

export { type Config, type ConnectionSettings, type ListenerSettings } from './config.ts'
export { formatProblem, type ConfigErrors, type ConfigProblem } from './config-problem.ts'
export { diffConfig, formatRestart, type ConfigDiff } from './diff-config.ts'
export { explainConfig, type ExplainedSetting } from './explain-config.ts'
export { importPipelock, type PipelockImport } from './import-pipelock.ts'
export { initialConfigText } from './initial-config.ts'
export { jsonSchema } from './json-schema.ts'
export { listKeys, type ConfigKey } from './keys.ts'
export { isConfigErrors, loadConfig, parseConfig } from './load-config.ts'
export { watchConfigFile, type ConfigWatch } from './watch-config.ts'

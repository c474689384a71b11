/** Entry point `chaperone`: a companion inside another program. */
export { formatProblem, isConfigErrors, loadConfig, parseConfig, type Config, type ConfigErrors } from './config/index.ts'
export { startCompanion, type Companion, type CompanionOptions } from './server.ts'
export { defaultStateDir, openStateFolder, StateFolderError, type StateFolder } from './state/index.ts'

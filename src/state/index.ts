/** Public door of state/: the one folder in which a companion keeps its keys, receipts, token, socket and lock. */
export { defaultStateDir, openStateFolder, stateFolderPaths, StateFolderError, type StateFolder } from './state-folder-file.ts'

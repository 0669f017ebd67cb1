/** preview1 for one guest. */

export type {
  HostCall,
  HostFunctions,
  InputSource,
  OutputSink,
  Preopen,
  Preview1,
  Preview1Options,
  Traffic,
} from './contract.ts';
export { SymbolicLink } from './fd/memory-link.ts';
export { createPreview1, DEFAULT_MAX_MEMORY_FILE_BYTES, DEFAULT_MAX_OPEN_FILES } from './preview1.ts';

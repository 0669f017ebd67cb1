/** What the search for OpenVINO's libraries is asked, and what it answers. */

export interface FindRuntimeOptions {
  /** A directory or library file that the user named (`--openvino-dir`, API option): nothing else is searched then. */
  explicit?: string | undefined;
  /** Default: `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Use and write the remembered place. Default: true. */
  remember?: boolean;
}

export interface FoundRuntime {
  /** Absolute path of the `libopenvino_c` to open. */
  libraryPath: string;
  /** Which place of the search it came from, in words of the documentation. */
  place: string;
  /** From the file name (`2026.4.1` for `.so.2641`) where it tells. */
  version?: string;
}

export interface SearchedPlace {
  place: string;
  /** What was looked at, or why not. */
  detail: string;
  found?: FoundRuntime;
}

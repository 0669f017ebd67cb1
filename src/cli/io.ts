/** What a command of the command line may touch of its process, so that tests can run it in theirs. */
export interface CliIo {
  stdout: (text: string) => void;
  stderr: (text: string) => void;
  env: NodeJS.ProcessEnv;
  /** Whether stderr is a terminal, where a line may be written over. Default: false. */
  stderrIsTty?: boolean;
}

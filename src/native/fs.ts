/** What the addon's file system room (`native/fs/`) gives to JavaScript. POSIX words only, no preview1 numbers. */
export interface NativeFs {
  readonly supported: true;
}

/** What of this process's environment its child processes are given. */

/** Where OpenVINO, its cache and temporary files are, and how libraries are loaded: what the host itself reads. */
const KEPT_NAMES: ReadonlySet<string> = new Set([
  ...['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'XDG_CACHE_HOME', 'XDG_RUNTIME_DIR'],
  ...['OPENVINO_DIR', 'OPENVINO_INSTALL_DIR', 'INTEL_OPENVINO_DIR'],
]);

/** Of the dynamic linker, of this package, of OpenVINO and what it computes with, of sanitizers. */
const KEPT_FORMS = /^(?:LD_|DYLD_|WASI_NN_HOST_|OPENVINO_|OV_|ONEDNN_|DNNL_|OMP_|TBB_)|^[A-Z]+SAN_OPTIONS$/;

/** Secrets of the host stay out of a process that native code of a guest's model could take over. */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => KEPT_NAMES.has(name) || KEPT_FORMS.test(name)));
}

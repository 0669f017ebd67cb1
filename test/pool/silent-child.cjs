/** In place of the package's own child process: one that says nothing, and does not end. */
setInterval(() => {}, 1_000);

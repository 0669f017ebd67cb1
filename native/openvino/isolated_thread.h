#pragma once

#include <functional>

namespace openvino {

/**
 * Runs `work` on a short-lived thread of its own whose working directory is one where nobody can create a file, and
 * waits for it. Exceptions of `work` come back.
 *
 * Why: OpenVINO reads a model from memory as if its path were empty and looks for weights beside it, so a file named
 * `.bin` in the process's working directory replaces the weights that were given (seen on 2024.6, 2025.4 and 2026.4).
 * Such a file may be a host's, or a guest's symbolic link to one. Relative paths inside a model end in the same place.
 *
 * @returns false when this system cannot give a thread its own working directory (not Linux, or a container that
 *   forbids unshare); `work` was not run then.
 */
bool RunInEmptyDirectory(const std::function<void()>& work);

}  // namespace openvino

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "openvino/bytes.h"

namespace openvino {

/**
 * Files that only this process can see, for formats that the runtime reads by path alone: a fresh directory of mode 0700
 * under $XDG_RUNTIME_DIR (kept in memory), $TMPDIR or /tmp, files of mode 0600. Removed with this object.
 *
 * A process that dies in between leaves its directory. Each is locked (flock) by its owner for as long as it lives, so
 * the next process to come here can tell the abandoned ones, and removes those that belong to its own user.
 */
class PrivateFiles {
 public:
  /** @throws Failure ERR_NN_OUT_OF_MEMORY (the disk is full), ERR_NN_COMPILE (nowhere to write) */
  explicit PrivateFiles(const std::vector<std::pair<std::string, ByteView>>& files);
  ~PrivateFiles();
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

  std::string PathOf(const std::string& name) const { return directory_ + '/' + name; }

 private:
  void Create(const std::string& parent);
  void Write(const std::string& name, ByteView bytes);
  void Remove() noexcept;

  std::string directory_;
  std::vector<std::string> names_;
  int descriptor_ = -1;
};

}  // namespace openvino

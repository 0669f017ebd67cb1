#pragma once

#include <string>
#include <utility>
#include <vector>

#include "openvino/bytes.h"

namespace openvino {

/**
 * Files that nobody else can change, for formats that the runtime reads by path alone, and by its suffix. Removed with this
 * object.
 *
 * Why so: a guest may have been given the directory of temporary files, and acts as the same user as this process. So what
 * is read lies in sealed memory (memfd) and has no name; a link in a directory of ours gives it the suffix; the directory
 * is named by its descriptor, so that renaming it changes nothing, and may not be written to while it is in use (mode
 * 0500: a guest cannot change modes). Where that does not bind (the superuser), a change is noticed afterwards.
 * Without memfd or /proc (other systems than Linux, some containers) files of mode 0400 lie in that directory.
 *
 * The directory lies under $XDG_RUNTIME_DIR where that is private, else $TMPDIR, else /dev/shm, else /tmp. A process that
 * dies in between leaves its directory. Each is locked (flock) by its owner for as long as it lives, so the next process to
 * come here can tell the abandoned ones, and removes those that belong to its own user.
 */
class PrivateFiles {
 public:
  /** @throws Failure ERR_NN_OUT_OF_MEMORY (no room), ERR_NN_COMPILE (nowhere to write) */
  explicit PrivateFiles(const std::vector<std::pair<std::string, ByteView>>& files);
  ~PrivateFiles();
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

  std::string PathOf(const std::string& name) const { return place_ + '/' + name; }

  /** To be called when everything was read. @throws Failure ERR_NN_COMPILE where somebody meddled with the files */
  void CheckUntouched() const;

 private:
  void Create(const std::string& parent);
  void Add(const std::string& name, ByteView bytes);
  void AddFile(const std::string& name, ByteView bytes);
  bool AddSealed(const std::string& name, ByteView bytes);
  void Protect();
  bool LeadsTo(const std::string& name, int file) const;
  [[noreturn]] void Meddled() const;
  void Remove() noexcept;

  /** As it was made; `place_` is how the runtime is told to reach it. */
  std::string directory_;
  std::string place_;
  std::vector<std::string> names_;
  /** What the links lead to, one for each name, or nothing. */
  std::vector<int> sealed_;
  int descriptor_ = -1;
  int watch_ = -1;
};

}  // namespace openvino

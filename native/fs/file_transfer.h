// Reads and writes of files: what was asked for is moved whole, part by part where it would take the system long. No wait of
// the system for a disk can be ended; between two parts an interrupted thread stops.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "arguments.h"
#include "thread/interrupt.h"

namespace fs {

// The system moves this much in some milliseconds where the disk keeps up. It is what is written in one piece where others
// write to the same place, or append.
constexpr size_t kTransferPart = 8 << 20;

// Of the environment that makes this call.
const thread::Interrupt& InterruptOf(napi_env env);

// All answer how many bytes were moved: fewer than asked for at the end of a file, after a failure or an interrupt. -1 and
// errno where there are none for that reason.
ssize_t ReadFileAt(const thread::Interrupt& interrupt, int fd, const Range& range, int64_t offset);
ssize_t WriteFileAt(const thread::Interrupt& interrupt, int fd, const Range& range, int64_t offset);
// Where the descriptor stands.
ssize_t ReadFileOn(const thread::Interrupt& interrupt, int fd, const Range& range);
ssize_t WriteFileOn(const thread::Interrupt& interrupt, int fd, const Range& range);
// At the end, wherever the descriptor stands; each part is put there as one.
ssize_t AppendToFile(const thread::Interrupt& interrupt, int fd, const Range& range);

}  // namespace fs

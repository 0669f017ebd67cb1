// The numbers of preview1 that direct calls use; src/wasi/errno.ts and src/wasi/layout.ts have all of them.
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
#pragma once

#include <cstdint>

namespace preview1 {

enum Errno : int { kSuccess = 0, kIo = 29, kNoEntry = 44, kNoMemory = 48 };

enum FileType : uint8_t { kUnknownType = 0, kDirectoryType = 3, kRegularType = 4, kLinkType = 7 };

enum LookupFlags : uint32_t { kFollow = 1 };

enum OpenFlags : uint32_t { kCreate = 1, kMustBeDirectory = 2, kExclusive = 4, kTruncate = 8 };

constexpr uint64_t kAllRights = (1u << 30) - 1;
constexpr uint64_t kRightRead = 1u << 1;
constexpr uint64_t kRightWrite = 1u << 6;

enum Whence : uint32_t { kFromStart = 0, kFromPosition = 1 };

enum ClockId : uint32_t { kRealtime = 0, kMonotonic = 1 };

// Bytes that the layouts take.
constexpr uint32_t kFilestatLength = 64;
constexpr uint32_t kVectorLength = 8;

}  // namespace preview1

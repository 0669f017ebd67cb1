// Large reads of files.
#pragma once

#include "arguments.h"

namespace fs {

// Asks for the pages of a guest's memory that a large read is going to fill. See file_calls.cc.
void TouchPages(int fd, const Range& range, int64_t offset);

}  // namespace fs

// A description of our own of what a descriptor of the host stands for.
#pragma once

#include "descriptor.h"

namespace fs {

// The same terminal or pipe, opened once more so that no call on it waits. The host's descriptor cannot be made so: all
// that share its description (other processes among them) would see it change. Not open where the system does not do it
// (not on Linux; no right to), or where opening could do something: for other devices, and for what makes terminals.
Descriptor OwnDescription(int fd);

}  // namespace fs
